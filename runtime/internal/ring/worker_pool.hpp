#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <system_error>

namespace coil::internal {

/// A call that may block, to be made on another thread.
class job {
public:
    /// On one of the threads. The object is then its own: nobody else frees it.
    virtual void make() noexcept = 0;

protected:
    ~job() = default;

private:
    friend class worker_pool;

    job* next_job_ = nullptr;
};

/// The threads for blocking calls. They live as long as the process: a call that never returns must not hold up its end.
class worker_pool {
public:
    /// The one of this process: one that was forked begins with another, since none of the threads is there.
    static worker_pool& instance();

    /// @return why not, where there is no thread and none can be started; the job is then still the caller's.
    [[nodiscard]] std::error_code run(job& call);

    /// Threads that run already go on.
    void set_most_threads(unsigned most);

private:
    explicit worker_pool(unsigned most_threads) noexcept : most_threads_(most_threads) {}

    std::error_code start_thread();
    void work();

    std::mutex mutex_;
    std::condition_variable arrived_;
    job* first_ = nullptr;
    job** end_ = &first_;
    std::size_t waiting_ = 0;
    std::size_t idle_ = 0;
    unsigned threads_ = 0;
    unsigned most_threads_;
};

}  // namespace coil::internal
