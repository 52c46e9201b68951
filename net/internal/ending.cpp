#include <coil/net/internal/ending.hpp>

#include <coil/net/internal/sender.hpp>
#include <coil/runtime/loop.hpp>

#include <sys/socket.h>

namespace coil::net::internal {

bool ending::ask() noexcept
{
    if (state_ != state::open)
        return false;
    state_ = state::asked;
    return true;
}

void ending::send(sender& of) noexcept
{
    if (state_ != state::asked)
        return;
    state_ = state::sending;
    sender_ = &of;
    sending_.start({.code = coil::internal::opcode::shut_down, .fd = socket_.get(), .option = SHUT_WR}, *this);
}

void ending::complete(const coil::internal::completion& what, coil::internal::operation_memory*) noexcept
{
    if (what.result >= 0 && state_ == state::sending)
        state_ = state::sent;
    sender_->on_end(what.result);
}

void ending::close() noexcept
{
    if (socket_.get() < 0)
        return;
    if (state_ != state::sent) {
        const linger now{.l_onoff = 1, .l_linger = 0};
        if (loop* home = loop::current_or_null())
            home->ring().set_option(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        else
            ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    sending_.abandon();
    socket_.close();
}

}  // namespace coil::net::internal
