#pragma once

#include <coil/runtime/loop.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/scope.hpp>

#include <latch>
#include <thread>

namespace coil::test {

/// Keeps all threads of `offload` busy, so that other calls wait until it lets go.
class busy_workers {
public:
    busy_workers()
    {
        std::latch begun(threads);
        keeping_ = std::thread([this, &begun] {
            loop here;
            here.run(keep(begun));
        });
        begun.wait();
    }
    busy_workers(const busy_workers&) = delete;
    busy_workers& operator=(const busy_workers&) = delete;
    ~busy_workers() { let_go(); }

    /// Idempotent.
    void let_go()
    {
        if (!keeping_.joinable())
            return;
        over_.count_down();
        keeping_.join();
    }

private:
    static constexpr int threads = 4;  // unless set_offload_threads was called

    task<> keep(std::latch& begun)
    {
        scope calls;
        for (int i = 0; i < threads; ++i)
            calls.spawn([this, &begun] { return block_one(begun); });
        co_await calls.join();
    }
    task<> block_one(std::latch& begun)
    {
        const auto block = [this, &begun] {
            begun.count_down();
            over_.wait();
        };
        [[maybe_unused]] const result<> done = co_await offload(block);
    }

    std::latch over_{1};
    std::thread keeping_;
};

}  // namespace coil::test
