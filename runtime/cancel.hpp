#pragma once

#include <coil/runtime/internal/list.hpp>

namespace coil {

namespace internal {

/// What a waiting operation leaves with a stop source: the function to call when a stop is requested.
///
/// The object is embedded in the operation and leaves the source when it is destroyed or unlinked.
class stop_callback : public list_hook<stop_callback> {
public:
    using function = void (*)(void* object) noexcept;

    stop_callback(function call, void* object) noexcept : call_(call), object_(object) {}
    stop_callback() noexcept = default;

    void run() noexcept { call_(object_); }

private:
    function call_ = nullptr;
    void* object_ = nullptr;
};

}  // namespace internal

class stop_source;

/// Says whether a stop was requested. A token without a source never is.
///
/// Every task carries one and hands it to what it awaits: `co_await this_task::stop_token()`.
/// Lifetime: not beyond its source. Thread: that of the source's loop.
class stop_token {
public:
    stop_token() noexcept = default;

    bool stop_requested() const noexcept;
    /// Whether a stop can be requested at all.
    bool stop_possible() const noexcept { return source_ != nullptr; }

    /// Calls `callback` when a stop is requested. Only where none was requested yet.
    void attach(internal::stop_callback& callback) const noexcept;

private:
    friend class stop_source;
    explicit stop_token(stop_source& source) noexcept : source_(&source) {}

    stop_source* source_ = nullptr;
};

/// Requests the stop of everything that was given one of its tokens.
///
/// It belongs to one loop and takes no lock: to stop from another thread, `loop::post` the request.
class stop_source {
public:
    stop_source() noexcept : parent_stopped_(&stop_source::on_parent_stop, this) {}
    /// A source that is also stopped when `parent` is.
    explicit stop_source(stop_token parent) noexcept : stop_source() { follow(parent); }
    stop_source(const stop_source&) = delete;
    stop_source& operator=(const stop_source&) = delete;

    stop_token token() noexcept { return stop_token(*this); }
    bool stop_requested() const noexcept { return stop_requested_; }

    /// From now on a stop of `parent` stops this source too. A source follows at most one token at a time.
    void follow(stop_token parent) noexcept
    {
        parent_stopped_.unlink();
        if (parent.stop_requested())
            request_stop();
        else
            parent.attach(parent_stopped_);
    }

    /// Stops every operation that waits with one of the tokens, and every later one before it starts. Idempotent.
    void request_stop() noexcept
    {
        stop_requested_ = true;
        while (!callbacks_.empty())
            callbacks_.pop_front().run();
    }

private:
    friend class stop_token;

    static void on_parent_stop(void* self) noexcept { static_cast<stop_source*>(self)->request_stop(); }

    bool stop_requested_ = false;
    internal::list<internal::stop_callback> callbacks_;
    internal::stop_callback parent_stopped_;
};

inline bool stop_token::stop_requested() const noexcept
{
    return source_ && source_->stop_requested();
}

inline void stop_token::attach(internal::stop_callback& callback) const noexcept
{
    if (source_)
        source_->callbacks_.push_back(callback);
}

}  // namespace coil
