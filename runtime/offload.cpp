#include <coil/runtime/offload.hpp>

#include <coil/runtime/loop.hpp>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace coil {
namespace internal {
namespace {

/// The threads for blocking calls. They live as long as the process: a call that never returns must not hold up its end.
class worker_pool {
public:
    static worker_pool& instance()
    {
        static worker_pool* const pool = new worker_pool;
        return *pool;
    }

    void run(round_trip& call)
    {
        bool wakes = false;
        {
            const std::lock_guard lock(mutex_);
            call.next = nullptr;
            *end_ = &call;
            end_ = &call.next;
            ++waiting_;
            wakes = idle_ >= waiting_;
            if (!wakes && threads_ < most_threads_)
                start_thread();
        }
        if (wakes)
            arrived_.notify_one();  // without the lock, on which the thread would stop again
    }

    void set_most_threads(unsigned most)
    {
        const std::lock_guard lock(mutex_);
        most_threads_ = most;
    }

private:
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
            arrived_.wait(lock, [this] { return first_ != nullptr; });
            --idle_;
            --waiting_;
            auto& call = static_cast<round_trip&>(*first_);
            first_ = call.next;
            if (!first_)
                end_ = &first_;
            lock.unlock();
            call.make();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable arrived_;
    mail* first_ = nullptr;
    mail** end_ = &first_;
    std::size_t waiting_ = 0;
    std::size_t idle_ = 0;
    unsigned threads_ = 0;
    unsigned most_threads_ = 4;
};

}  // namespace

void make_on_worker(round_trip& call)
{
    if (loop::current().ring().has_threads())
        worker_pool::instance().run(call);
    else
        call.make();
}

}  // namespace internal

void set_offload_threads(unsigned most)
{
    if (most == 0)
        throw std::invalid_argument("coil::set_offload_threads: at least one thread is needed");
    internal::worker_pool::instance().set_most_threads(most);
}

}  // namespace coil
