#pragma once

#include <chrono>
#include <functional>
#include <optional>

namespace bench {

/// What a descriptor belongs to.
class session {
public:
    virtual ~session() = default;
    /// Goes on with as much as is possible without waiting. Throws: `failure`.
    virtual void ready() = 0;
};

/// Waits for many descriptors at once (epoll, level-triggered).
class poller {
public:
    poller();
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    ~poller();

    void add(int descriptor, session& owner, bool output);
    void change(int descriptor, session& owner, bool output);
    void remove(int descriptor);

    /// Runs sessions until `turn` has enough.
    /// @param turn  asked before each wait: until when it may last at most; none: enough.
    void run(const std::function<std::optional<std::chrono::steady_clock::time_point>()>& turn);

private:
    void control(int operation, int descriptor, session& owner, bool output);

    int epoll_;
};

}  // namespace bench
