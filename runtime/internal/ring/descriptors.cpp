#include <coil/runtime/internal/ring/descriptors.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coil::internal {

int open_bell(bool waits) noexcept
{
    return above_standard_numbers(::eventfd(0, EFD_CLOEXEC | (waits ? 0 : EFD_NONBLOCK)));
}

void ring_bell(int bell) noexcept
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(bell, &one, sizeof one);
}

std::uint64_t count_of_bell(int bell) noexcept
{
    std::uint64_t count = 0;
    return ::read(bell, &count, sizeof count) == sizeof count ? count : 0;
}

int open_signals(const sigset_t& set, bool waits) noexcept
{
    return above_standard_numbers(::signalfd(-1, &set, SFD_CLOEXEC | (waits ? 0 : SFD_NONBLOCK)));
}

int take_signal(int signals) noexcept
{
    arrived_signal arrived{};
    return ::read(signals, &arrived, sizeof arrived) == sizeof arrived ? static_cast<int>(arrived.ssi_signo) : 0;
}

std::array<bool, 2> wait_until_readable(std::array<int, 2> descriptors,
                                        std::optional<std::chrono::nanoseconds> wait) noexcept
{
    using std::chrono::milliseconds;
    constexpr milliseconds longest = std::chrono::hours(1);
    std::array<pollfd, 2> asked{pollfd{descriptors[0], POLLIN, 0}, pollfd{descriptors[1], POLLIN, 0}};
    const int limit = wait ? static_cast<int>(std::min(std::chrono::ceil<milliseconds>(*wait), longest).count()) : -1;
    ::poll(asked.data(), asked.size(), limit);
    return {asked[0].revents != 0, asked[1].revents != 0};
}

std::optional<std::array<int, 2>> open_pipe() noexcept
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return std::nullopt;
    int cause = 0;
    for (int& each : ends) {
        each = above_standard_numbers(each);
        cause = each < 0 ? errno : cause;
    }
    if (cause == 0)
        return ends;
    for (const int each : ends)
        if (each >= 0)
            ::close(each);
    errno = cause;
    return std::nullopt;
}

int duplicate(int descriptor) noexcept
{
    return ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

bool is_terminal(int descriptor) noexcept
{
    return ::isatty(descriptor) == 1;
}

}  // namespace coil::internal
