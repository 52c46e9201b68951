#include <coil/runtime/offload.hpp>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

namespace coil::internal {
namespace {

/// The threads for blocking calls. They live as long as the process: a call that never returns must not hold up its end.
class worker_pool {
public:
    void run(std::function<void()> work)
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(work));
        if (idle_ >= waiting_.size())
            arrived_.notify_one();
        else if (threads_ < most_threads)
            start_thread();
    }

private:
    static constexpr unsigned most_threads = 4;

    void start_thread()
    {
        // Signals are for the loops.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        std::thread([this] { work(); }).detach();
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        ++threads_;
    }

    void work()
    {
        std::unique_lock lock(mutex_);
        while (true) {
            ++idle_;
            arrived_.wait(lock, [this] { return !waiting_.empty(); });
            --idle_;
            {
                const std::function<void()> next = std::move(waiting_.front());
                waiting_.pop_front();
                lock.unlock();
                next();
            }
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::function<void()>> waiting_;
    std::size_t idle_ = 0;
    unsigned threads_ = 0;
};

}  // namespace

void run_on_worker(std::function<void()> work)
{
    static worker_pool* const pool = new worker_pool;
    pool->run(std::move(work));
}

}  // namespace coil::internal
