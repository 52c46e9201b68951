#include <coil/runtime/internal/operation.hpp>

#include <coil/runtime/loop.hpp>

#include <cassert>
#include <cerrno>
#include <utility>

namespace coil::internal {

void operation::start(const request& wanted, completion_handler& handler, std::unique_ptr<operation_memory> memory)
{
    assert(!pending());
    loop& here = loop::current();
    operation_node& node = here.operations_.take();
    node.begin(wanted, *this, handler, std::move(memory));
    node_ = &node;
    here.submit(node);
}

void operation::restart(const request& wanted, completion_handler& handler, rearm_reason why)
{
    loop& here = loop::current();
    if (wanted.code != opcode::accept)
        ++here.counts().receive_rearms[why];
    else if (here.capabilities().multishot_accept)  // without it one accept after the other is the rule
        ++here.counts().accept_rearms[why];
    start(wanted, handler);
}

void operation::need_completion() noexcept
{
    if (node_ && node_->request_.quiet)
        loop::current().need_completion(*node_);
}

void operation::cancel() noexcept
{
    if (node_)
        loop::current().cancel(*node_);
}

void operation::abandon() noexcept
{
    if (!node_)
        return;
    operation_node& node = *node_;
    node.forget_owner();
    loop::current().cancel(node);
}

void operation::abandon_borrowed() noexcept
{
    if (!node_)
        return;
    operation_node& node = *node_;
    node.forget_owner();
    loop::current().cancel_now(node);
}

void operation_node::begin(const request& wanted, operation& owner, completion_handler& handler,
                           std::unique_ptr<operation_memory> memory) noexcept
{
    request_ = wanted;
    request_.user_data = user_data();
    owner_ = &owner;
    handler_ = &handler;
    memory_ = std::move(memory);
    cancelling_ = false;
    needed_ = false;
}

void operation_node::deliver(const completion& what, loop& home) noexcept
{
    if (!what.more) {
        if (owner_)
            owner_->node_ = nullptr;
        owner_ = nullptr;
    }
    if (handler_) {
        completion_handler& handler = *handler_;
        if (!what.more)
            handler_ = nullptr;
        handler.complete(what, memory_.get());
        return;
    }
    if (what.has_buffer)
        home.ring().return_buffer(what.buffer);
    if (what.result >= 0 && request_.code == opcode::accept) {
        const linger now{.l_onoff = 1, .l_linger = 0};  // an end would look as if the connection had been served
        home.system().set_option(what.result, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        home.close(what.result);
    }
    if (what.result >= 0 && request_.code == opcode::open)
        home.close(what.result);
    if (what.result == -ECANCELED && request_.code == opcode::close)
        home.close(request_.fd);  // the kernel did not come to it
}

operation_node& operation_pool::take()
{
    if (free_.empty())
        grow();
    operation_node& node = at(free_.back());
    free_.pop_back();
    node.active_ = true;
    ++in_use_;
    return node;
}

void operation_pool::grow()
{
    const auto first = static_cast<std::uint32_t>(blocks_.size() * block_size);
    if (free_.capacity() < first + block_size)  // so that giving back never allocates
        free_.reserve(2 * (first + block_size));
    blocks_.push_back(std::make_unique<block>());
    for (std::uint32_t index = first + block_size; index-- > first;) {
        at(index).index_ = index;
        free_.push_back(index);
    }
}

void operation_pool::put(operation_node& node) noexcept
{
    --in_use_;
    ++node.generation_;
    node.active_ = false;
    node.unlink();
    node.memory_.reset();
    free_.push_back(node.index_);
}

void operation_pool::leak() noexcept
{
    for (auto& each : blocks_)
        static_cast<void>(each.release());
    blocks_.clear();
}

operation_node* operation_pool::find(std::uint64_t user_data) noexcept
{
    const auto number = static_cast<std::uint32_t>(user_data);
    if (number == 0 || number > blocks_.size() * block_size)
        return nullptr;
    operation_node& node = at(number - 1);
    return node.user_data() == user_data ? &node : nullptr;
}

}  // namespace coil::internal
