#pragma once

#include <coil/runtime/internal/ring/bell.hpp>
#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/internal/ring/worker_pool.hpp>

#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <linux/openat2.h>

namespace coil::internal {

class finished_jobs;
struct pending_request;

/// A request that is carried out by a system call which may block.
class file_job final : public job {
public:
    /// On the caller's memory and descriptor, which have to stay until it has ended.
    file_job(const request& wanted, std::shared_ptr<finished_jobs> home) : wanted_(wanted), home_(std::move(home)) {}
    /// On a copy of what is written or of the path, and on a duplicate of the descriptor: it can be left alone.
    /// @return null where there is no descriptor left.
    static std::unique_ptr<file_job> detached(const request& wanted, std::shared_ptr<finished_jobs> home);
    file_job(const file_job&) = delete;
    file_job& operator=(const file_job&) = delete;
    ~file_job();

    void make() noexcept override;

    bool is_detached() const noexcept { return detached_; }
    /// Gives the result away; a descriptor that was opened is closed otherwise.
    int take_result() noexcept;

    pending_request* waiting = nullptr;  ///< The ring's: who waits for it.

private:
    friend class finished_jobs;
    enum class phase : std::uint8_t { queued, running, finished, unwanted };

    int call() const noexcept;

    request wanted_;
    std::shared_ptr<finished_jobs> home_;
    std::vector<std::byte> copy_;
    std::string path_;
    open_how how_{};
    int duplicate_ = -1;
    bool detached_ = false;
    phase phase_ = phase::queued;  // under the lock of home
    int result_ = -ECANCELED;
    file_job* next_ = nullptr;
};

/// Where jobs go when they have ended, to be taken by the ring that wanted them. Shared by it and by its jobs: a ring may
/// go while a call blocks.
class finished_jobs {
public:
    /// @param news  is rung whenever there is something to take; it need not be read where edges are watched.
    explicit finished_jobs(std::unique_ptr<bell> news) noexcept : news_(std::move(news)) {}
    finished_jobs(const finished_jobs&) = delete;
    finished_jobs& operator=(const finished_jobs&) = delete;

    int descriptor_of_bell() const noexcept { return news_->descriptor(); }

    /// The ring's side.
    /// @{
    /// @return whether it had not begun: it is then not made, and frees itself.
    bool revoke(file_job& which) noexcept;
    /// Nobody wants the result any more. Only where it is detached. @return false if it has ended: the result can be taken.
    bool abandon(file_job& which) noexcept;
    /// Returns when it has ended. Only where it was not revoked or abandoned.
    void wait_for(file_job& which) noexcept;
    /// One that has ended; null if there is none.
    std::unique_ptr<file_job> take() noexcept;
    /// The ring is gone.
    void close() noexcept;
    /// @}

    /// The threads' side.
    /// @{
    bool begin(file_job& which) noexcept;
    void finish(std::unique_ptr<file_job> which) noexcept;
    /// @}

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    file_job* first_ = nullptr;
    file_job** end_ = &first_;
    bool closed_ = false;
    std::unique_ptr<bell> news_;
};

}  // namespace coil::internal
