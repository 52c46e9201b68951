#pragma once

#include <coil/runtime/event.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/task.hpp>

#include <future>
#include <optional>
#include <thread>

namespace coil::test {

/// A loop on a thread of its own, which runs until this object is destroyed.
class loop_thread {
public:
    loop_thread()
    {
        std::promise<loop_handle> started;
        std::future<loop_handle> handle = started.get_future();
        thread_ = std::thread([this, &started] {
            loop here;
            event over;
            over_ = &over;
            started.set_value(here.handle());
            here.run(wait_for(over));
        });
        handle_.emplace(handle.get());
    }
    loop_thread(const loop_thread&) = delete;
    loop_thread& operator=(const loop_thread&) = delete;
    ~loop_thread() { end(); }

    const loop_handle& handle() const noexcept { return *handle_; }

    /// Ends the loop and its thread. Idempotent.
    void end()
    {
        if (!thread_.joinable())
            return;
        handle_->post([this] { over_->set(); });
        thread_.join();
    }

private:
    static task<> wait_for(event& over)
    {
        const result<> got = co_await over.wait();
        got.value();
    }

    std::thread thread_;
    std::optional<loop_handle> handle_;
    event* over_ = nullptr;
};

}  // namespace coil::test
