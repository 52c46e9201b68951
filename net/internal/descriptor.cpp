#include <coil/net/internal/descriptor.hpp>

#include <coil/runtime/loop.hpp>

#include <sys/socket.h>

namespace coil::net::internal {

void descriptor::close() noexcept
{
    if (number_ >= 0)
        loop::close(take());
}

void descriptor::reset() noexcept
{
    if (number_ < 0)
        return;
    const linger now{.l_onoff = 1, .l_linger = 0};
    loop* home = loop::current_or_null();
    coil::internal::system& calls = home ? home->system() : coil::internal::kernel_system();
    calls.set_option(number_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

}  // namespace coil::net::internal
