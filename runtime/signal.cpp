#include <coil/runtime/signal.hpp>

#include <coil/runtime/loop.hpp>

#include <cerrno>
#include <system_error>

namespace coil {
namespace internal {

signal_wait::signal_wait(int descriptor) noexcept
    : operation_wait(
          {.code = opcode::read, .fd = descriptor, .address = &arrived_, .length = sizeof(arrived_signal)})
{
}

result<int> signal_wait::await_resume() const noexcept
{
    if (outcome() < 0)
        return error_from_errno(-outcome());
    return static_cast<int>(arrived_.ssi_signo);
}

}  // namespace internal

signal_set::signal_set(std::span<const int> numbers)
    : blocked_(numbers), descriptor_(internal::open_signals(blocked_.set(), true))
{
    if (descriptor_ < 0)
        throw std::system_error(errno, std::system_category(), "signalfd");
}

signal_set::~signal_set()
{
    loop::close(descriptor_);
}

}  // namespace coil
