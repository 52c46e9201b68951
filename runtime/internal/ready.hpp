#pragma once

#include <coil/runtime/internal/lineage.hpp>
#include <coil/runtime/internal/list.hpp>

#include <coroutine>

namespace coil::internal {

/// Something the loop runs in its next pass over the ready list. It leaves the list when it is destroyed.
class ready_item : public list_hook<ready_item> {
public:
    /// Runs user code; may destroy the item.
    virtual void run() noexcept = 0;

protected:
    ~ready_item() = default;
};

/// A suspended coroutine that can be put on the ready list.
class ready_coroutine : public ready_item {
public:
    ready_coroutine() noexcept = default;
    virtual ~ready_coroutine() = default;

    void run() noexcept override
    {
        coroutine_lineage::set_running(resumed_.get());
        awaiting_.resume();
        coroutine_lineage::set_running(nullptr);
    }

protected:
    std::coroutine_handle<> awaiting_;
    [[no_unique_address]] resumed_coroutine resumed_;
};

}  // namespace coil::internal
