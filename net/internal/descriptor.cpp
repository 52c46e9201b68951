#include <coil/net/internal/descriptor.hpp>

#include <coil/runtime/loop.hpp>

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

}  // namespace coil::net::internal
