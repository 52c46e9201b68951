#include <coil/net/internal/descriptor.hpp>

#include <coil/runtime/loop.hpp>

#include <sys/socket.h>
#include <unistd.h>

namespace coil::net::internal {

void descriptor::close() noexcept
{
    const int number = take();
    if (number < 0)
        return;
    if (loop* home = loop::current_or_null())
        home->ring().close(number);
    else
        ::close(number);  // outlived its loop
}

void descriptor::reset() noexcept
{
    if (number_ < 0)
        return;
    const linger now{.l_onoff = 1, .l_linger = 0};
    if (loop* home = loop::current_or_null())
        home->ring().set_option(number_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    else
        ::setsockopt(number_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

}  // namespace coil::net::internal
