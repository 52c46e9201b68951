#include <coil/runtime/internal/ring/worker_pool.hpp>

#include <atomic>
#include <csignal>
#include <thread>

#include <pthread.h>

namespace coil::internal {
namespace {

/// Blocks all signals of this thread, and so those of the threads that it starts.
class no_signals {
public:
    no_signals() noexcept
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    ~no_signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

}  // namespace

worker_pool& worker_pool::instance()
{
    static std::atomic<worker_pool*> pool = [] {
        ::pthread_atfork(nullptr, nullptr, [] { pool = new worker_pool(instance().most_threads_); });
        return new worker_pool(4);
    }();
    return *pool.load(std::memory_order_acquire);
}

std::error_code worker_pool::run(job& call)
{
    bool wakes = false;
    {
        const std::lock_guard lock(mutex_);
        wakes = idle_ > waiting_;
        if (!wakes && threads_ < most_threads_) {
            const std::error_code failure = start_thread();
            if (failure && threads_ == 0)
                return failure;
        }
        call.next_job_ = nullptr;
        *end_ = &call;
        end_ = &call.next_job_;
        ++waiting_;
    }
    if (wakes)
        arrived_.notify_one();  // without the lock, on which the thread would stop again
    return {};
}

void worker_pool::set_most_threads(unsigned most)
{
    const std::lock_guard lock(mutex_);
    most_threads_ = most;
}

std::error_code worker_pool::start_thread()
{
    const no_signals here;  // which are for the loops
    try {
        std::thread([this] { work(); }).detach();
    } catch (const std::system_error& refused) {
        return refused.code();
    }
    ++threads_;
    return {};
}

void worker_pool::work()
{
    std::unique_lock lock(mutex_);
    while (true) {
        ++idle_;
        arrived_.wait(lock, [this] { return first_ != nullptr; });
        --idle_;
        --waiting_;
        job& call = *first_;
        first_ = call.next_job_;
        if (!first_)
            end_ = &first_;
        lock.unlock();
        call.make();
        lock.lock();
    }
}

}  // namespace coil::internal
