#include <coil/runtime/offload.hpp>

#include <coil/runtime/loop.hpp>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace coil {
namespace internal {
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

/// The threads for blocking calls. They live as long as the process: a call that never returns must not hold up its end.
class worker_pool {
public:
    static worker_pool& instance()
    {
        static worker_pool* const pool = new worker_pool;
        return *pool;
    }

    /// @return why not, where there is no thread and none can be started.
    std::error_code run(round_trip& call)
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
            call.next = nullptr;
            *end_ = &call;
            end_ = &call.next;
            ++waiting_;
        }
        if (wakes)
            arrived_.notify_one();  // without the lock, on which the thread would stop again
        return {};
    }

    void set_most_threads(unsigned most)
    {
        const std::lock_guard lock(mutex_);
        most_threads_ = most;
    }

private:
    std::error_code start_thread()
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

std::error_code make_on_worker(round_trip& call)
{
    if (loop::current().system().has_threads())
        return worker_pool::instance().run(call);
    call.make();
    return {};
}

}  // namespace internal

void set_offload_threads(unsigned most)
{
    if (most == 0)
        throw std::invalid_argument("coil::set_offload_threads: at least one thread is needed");
    internal::worker_pool::instance().set_most_threads(most);
}

}  // namespace coil
