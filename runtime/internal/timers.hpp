#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace coil::internal {

class timers;

/// A point in time at which something is to happen. It leaves its loop's timers when it is destroyed.
class timer_node {
public:
    timer_node() noexcept = default;
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;
    virtual ~timer_node();

    bool set() const noexcept { return position_ != unset; }
    /// Called once when the time has come; may only change state and enqueue.
    virtual void expire() noexcept = 0;

private:
    friend class timers;
    static constexpr std::size_t unset = static_cast<std::size_t>(-1);

    timers* home_ = nullptr;
    std::size_t position_ = unset;
};

/// The timers of one loop: a heap with four children to a node, in user space. Setting one that lies later than the
/// others, the usual case, costs a few comparisons; it allocates only when there are more timers than ever before.
class timers {
public:
    using time_point = std::chrono::steady_clock::time_point;

    timers() noexcept = default;
    timers(const timers&) = delete;
    timers& operator=(const timers&) = delete;
    ~timers();

    void set(timer_node& timer, time_point when);
    void clear(timer_node& timer) noexcept;
    /// When the next one is due.
    std::optional<time_point> next() const noexcept;
    /// Expires all that are due.
    void expire(time_point now) noexcept;
    std::size_t size() const noexcept { return heap_.size(); }

private:
    struct entry {
        time_point when;
        timer_node* timer;
    };

    void place(std::size_t position, entry what) noexcept;
    void rise(std::size_t position, entry what) noexcept;
    void sink(std::size_t position, entry what) noexcept;

    std::vector<entry> heap_;
};

}  // namespace coil::internal
