#pragma once

#include <coil/runtime/internal/frame_pool.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/loop_stats.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace coil {
class loop;
}

namespace coil::internal {

class operation;
class operation_node;

/// Memory that the kernel uses during an operation. It lives until the last completion, whoever else is gone by then.
class operation_memory : public pooled {
public:
    virtual ~operation_memory() = default;
};

/// Who is told when an operation completes. It may only change state and enqueue: user code runs from the ready list.
class completion_handler {
public:
    /// @param memory  what `operation::start` was given; freed after the last completion. Null if it was given none.
    virtual void complete(const completion& what, operation_memory* memory) noexcept = 0;

protected:
    ~completion_handler() = default;
};

/// Passes completions on to a member function, so that one object can wait for several operations.
template <class Owner, void (Owner::*Member)(const completion&, operation_memory*) noexcept>
class completion_member final : public completion_handler {
public:
    explicit completion_member(Owner& owner) noexcept : owner_(owner) {}
    void complete(const completion& what, operation_memory* memory) noexcept override { (owner_.*Member)(what, memory); }

private:
    Owner& owner_;
};

/// A kernel operation, seen from the side that waits for it.
///
/// The operation itself lives in a pooled node of the loop until its last completion. This object can be destroyed
/// before: the operation is then cancelled, and its node cleans up alone - it closes an accepted or opened descriptor and
/// one that was to be closed, gives a receive buffer back and frees its memory.
class operation {
public:
    operation() noexcept = default;
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    ~operation() { abandon(); }

    /// Starts it on this thread's loop; it goes to the kernel at the end of the loop's turn. Only where not `pending()`.
    /// @param memory  what the kernel reads or writes, if it is not the caller's until the last completion.
    void start(const request& wanted, completion_handler& handler, std::unique_ptr<operation_memory> memory = nullptr);

    /// Starts one that completes many times, and had ended, again; counts why.
    void restart(const request& wanted, completion_handler& handler, rearm_reason why);

    /// Between `start` and the last completion.
    bool pending() const noexcept { return node_ != nullptr; }

    /// Somebody waits for what becomes of it: a quiet request is told like any other from now on, and the loop does not sleep
    /// until it was. To be called by whoever comes to depend on a request that may be quiet. Free where none is.
    void need_completion() noexcept;

    /// Asks the kernel to cancel it. It completes in any case, with its result if that came first.
    void cancel() noexcept;

    /// Cancels it and does not wait: the handler is not called any more.
    void abandon() noexcept;

    /// Cancels it and returns when the kernel no longer touches the caller's memory; the handler is not called any more.
    void abandon_borrowed() noexcept;

private:
    friend class operation_node;

    operation_node* node_ = nullptr;
};

/// Where an operation lives while the kernel works on it.
class operation_node : public list_hook<operation_node> {
public:
    operation_node() noexcept = default;
    operation_node(const operation_node&) = delete;
    operation_node& operator=(const operation_node&) = delete;

private:
    friend class operation;
    friend class operation_pool;
    friend class coil::loop;

    std::uint64_t user_data() const noexcept { return std::uint64_t{generation_} << 32 | (index_ + 1); }

    void begin(const request& wanted, operation& owner, completion_handler& handler,
               std::unique_ptr<operation_memory> memory) noexcept;
    /// Nobody is told any more.
    void forget_owner() noexcept
    {
        if (owner_)
            owner_->node_ = nullptr;
        owner_ = nullptr;
        handler_ = nullptr;
    }
    /// Passes a completion on, or cleans up after one that nobody waits for.
    void deliver(const completion& what, loop& home) noexcept;

    request request_;
    operation* owner_ = nullptr;
    completion_handler* handler_ = nullptr;
    std::unique_ptr<operation_memory> memory_;
    std::uint32_t index_ = 0;
    std::uint32_t generation_ = 0;
    bool active_ = false;
    bool cancelling_ = false;
    bool needed_ = false;  // it went to the kernel as a quiet one, and then somebody came to wait for it
};

/// The operation nodes of one loop. A node's generation is part of what the kernel hands back, so that a completion is
/// never taken for that of a later operation in the same node.
class operation_pool {
public:
    operation_node& take();
    void put(operation_node& node) noexcept;
    /// The node that `user_data` names; null for none, as for completions of cancel requests.
    operation_node* find(std::uint64_t user_data) noexcept;
    template <class F>
    void for_each_in_use(F&& visit)
    {
        for (const auto& each : blocks_)
            for (operation_node& node : *each)
                if (node.active_)
                    visit(node);
    }
    /// Leaves the nodes in memory for ever: the kernel did not let go of them.
    void leak() noexcept;

    std::size_t in_use() const noexcept { return in_use_; }

private:
    static constexpr std::size_t block_size = 64;
    using block = std::array<operation_node, block_size>;

    operation_node& at(std::uint32_t index) noexcept { return (*blocks_[index / block_size])[index % block_size]; }
    void grow();

    std::vector<std::unique_ptr<block>> blocks_;  // an open connection has a node, so each is not an allocation of its own
    std::vector<std::uint32_t> free_;
    std::size_t in_use_ = 0;
};

}  // namespace coil::internal
