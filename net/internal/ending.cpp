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
    if (by_close_) {
        state_ = state::sent;
        of.on_end(0);
        return;
    }
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
    sending_.abandon();
    if (state_ == state::sent)
        socket_.close();
    else
        socket_.reset();
}

}  // namespace coil::net::internal
