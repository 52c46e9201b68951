#include <coil/runtime/internal/ring/blocked_signals.hpp>

#include <array>
#include <stdexcept>
#include <string>

namespace coil::internal {
namespace {

/// What this thread holds of one signal.
struct hold {
    unsigned count = 0;
    bool was_blocked = false;  // before anybody here blocked it
};

thread_local constinit std::array<hold, NSIG> holds{};

}  // namespace

blocked_signals::blocked_signals(std::span<const int> numbers)
{
    sigemptyset(&set_);
    for (int number : numbers) {
        const bool uncatchable = number == SIGKILL || number == SIGSTOP;
        if (uncatchable || number <= 0 || number >= NSIG || sigaddset(&set_, number) != 0)
            throw std::invalid_argument("coil: " + std::to_string(number) + " is no signal that can be waited for");
    }
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, &set_, &before);
    for (int number = 1; number < NSIG; ++number) {
        hold& of = holds[static_cast<std::size_t>(number)];
        if (sigismember(&set_, number) == 1 && of.count++ == 0)
            of.was_blocked = sigismember(&before, number) == 1;
    }
}

void blocked_signals::unblock() noexcept
{
    sigset_t free;
    sigemptyset(&free);
    for (int number = 1; number < NSIG; ++number) {
        hold& of = holds[static_cast<std::size_t>(number)];
        if (sigismember(&set_, number) == 1 && of.count > 0 && --of.count == 0 && !of.was_blocked)
            sigaddset(&free, number);
    }
    sigemptyset(&set_);
    pthread_sigmask(SIG_UNBLOCK, &free, nullptr);
}

}  // namespace coil::internal
