#pragma once

#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace coil::net::internal {

class stream_core;

/// What the awaiting members of a temporary take, which are deleted: the compiler then says in its own message what to do. In
/// `co_await connect({…}).connect()` g++ 12 would destroy the options twice.
struct give_the_socket_a_name_before_you_await_it {};

/// Bytes queued for sending at which a writer has to wait.
///
/// One send of many records is cheapest. Where many connections have bytes queued it is cheaper that these lie in the
/// processor's cache until the kernel copies them, so that each gets a share of what that holds.
std::size_t write_limit() noexcept;

/// A reference to the inside of a stream, which keeps its memory and not the stream: what a `read` that nobody has awaited
/// yet holds, and what goes on with a stream that may be destroyed meanwhile.
class core_reference {
public:
    explicit core_reference(stream_core* to) noexcept;
    core_reference(const core_reference& other) noexcept : core_reference(other.core_) {}
    core_reference(core_reference&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    core_reference& operator=(core_reference other) noexcept
    {
        std::swap(core_, other.core_);
        return *this;
    }
    ~core_reference();

    /// Null when the stream is gone.
    stream_core* get() const noexcept;

private:
    stream_core* core_;
};

/// A wait on a stream. The stream wakes it; it then tries again, outside of any handler, and either resumes the coroutine
/// or goes on waiting. So it does not matter how often it is woken.
///
/// Waits for input or for the stream to open have a place each, where only one may stand. Waits for output queue, and only
/// the first of them tries.
class stream_wait : public coil::internal::stoppable_wait, public coil::internal::list_hook<stream_wait> {
public:
    /// Whether there is no need to wait: the attempt succeeded, or failed.
    bool await_ready() noexcept;
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting) noexcept
    {
        return begin(awaiting, coil::internal::stop_token_of(awaiting));
    }

    /// The stream says that trying again may help.
    void wake() noexcept;
    /// The stream is gone.
    void lose_stream() noexcept;

    void run() noexcept final;

protected:
    using slot = stream_wait* stream_core::*;

    /// The places where one may stand alone.
    static slot reader_place() noexcept;
    static slot opener_place() noexcept;

    /// @param place  where the stream keeps the wait that it has to wake; null: in the queue for output.
    stream_wait(const core_reference& core, slot place) noexcept : core_(core.get()), place_(place) {}
    ~stream_wait() override { detach(); }

    /// Gets as far as it can. @return whether the wait is over.
    virtual bool attempt() noexcept = 0;
    virtual void finish(std::error_code error) noexcept = 0;
    /// Called before it queues for output. @return why it must not.
    virtual std::error_code enter_queue() noexcept { return {}; }
    /// All bytes were taken.
    void note_whole() noexcept;

    stream_core* core_;
    bool unfinished_ = false;  // it leaves bytes unwritten if it goes away now

private:
    friend class stream_core;

    bool begin(std::coroutine_handle<> awaiting, stop_token token) noexcept;
    bool try_now() noexcept;
    bool may_try() const noexcept;
    void detach() noexcept;
    void stopped() noexcept final { wake(); }

    slot place_;
    stop_token token_;
};

/// A coroutine's view of a stream that may go while the coroutine waits: it then knows, and what it waits for is stopped.
class core_watch : public coil::internal::list_hook<core_watch> {
public:
    /// @param outer  stops the same.
    core_watch(stream_core& to, stop_token outer) noexcept;

    bool lost() const noexcept { return core_ == nullptr; }
    stop_token token() noexcept { return stop_.token(); }

private:
    friend class stream_core;
    void lose_stream() noexcept;

    stream_core* core_;
    stop_source stop_;
};

/// The inside of a stream: what its awaiters work with. At most one reader and one who waits for the stream to open wait at
/// any time; those who write or end queue.
///
/// The socket closes it and lets it go; its memory stays until the last reference has gone.
class stream_core {
public:
    stream_core() noexcept = default;
    stream_core(const stream_core&) = delete;
    stream_core& operator=(const stream_core&) = delete;
    virtual ~stream_core();

    /// Ends all waits and gives the connection up: in order where its end was sent off, else by breaking it off.
    void close() noexcept;
    /// Lets this stay open for writing when the peer has ended. Otherwise a read that reports the end ends this side too.
    void allow_half_open(bool on) noexcept { half_open_ = on; }
    bool allows_half_open() const noexcept { return half_open_; }
    /// Ends the sending side behind what is queued, and behind the writes that wait. It is the caller's word that this is
    /// the whole, also where a write was given up before.
    void ask_end() noexcept;
    bool end_asked() const noexcept { return end_asked_; }
    /// Ends where that was asked for and no write is in the way.
    void end_if_asked() noexcept;
    /// Whether a write that an end waited behind was given up, so that there is no end any more that would be true.
    bool cut_off() const noexcept { return cut_off_; }

    /// Moves bytes that are there into `buffer`. @return 0 when there are none yet. Errors: why there never will be any.
    virtual result<std::size_t> take(std::span<std::byte> buffer) noexcept = 0;
    /// Whether a `take` would give bytes, or why there are none; what has come may turn out to hold none.
    virtual result<bool> has_input() noexcept = 0;
    /// Will wake the reader. Called after `take` gave 0 or `has_input` said no.
    virtual void want_input() noexcept = 0;
    /// Queues bytes of `pieces` for sending, without the first `skip`. @return how many; 0 while the queue is too long or
    /// the stream is not ready.
    virtual result<std::size_t> put(std::span<const std::span<const std::byte>> pieces, std::size_t skip) noexcept = 0;
    /// Will wake the writer when what is queued has become less. Called where a writer, or who waits for the end, has to wait.
    virtual void want_output() noexcept = 0;
    /// Bytes queued that have not left.
    virtual std::size_t unsent() const noexcept = 0;
    /// Why nothing can leave any more.
    virtual std::error_code send_error() const noexcept = 0;
    /// Goes on with opening the stream: the handshake, where there is one. @return whether it is open.
    virtual result<bool> open() noexcept { return true; }
    /// Whether the end has left.
    virtual bool ended() const noexcept = 0;

protected:
    /// Ends the sending side behind what is queued, or tries to once more.
    virtual void end() noexcept = 0;
    /// Gives the connection up. @param how  as the program has seen to it.
    virtual void give_up(closing how) noexcept = 0;

    /// The peer has ended, and a reader is told. The answer is an end only where what was written is whole: of a write that
    /// was given up only the program can say so.
    std::error_code end_of_input(std::error_code why) noexcept
    {
        if (!half_open_ && !end_asked_ && !write_given_up_ && why == errc::end_of_stream)
            ask_end();
        return why;
    }
    void lose_waits() noexcept;

    void wake_reader() noexcept
    {
        if (reader_)
            reader_->wake();
    }
    void wake_writer() noexcept
    {
        if (!writers_.empty())
            writers_.front().wake();
    }
    bool has_writer() const noexcept { return !writers_.empty(); }
    void wake_opener() noexcept
    {
        if (opener_)
            opener_->wake();
    }
    void wake_all() noexcept
    {
        wake_opener();
        wake_writer();
        wake_reader();
    }

private:
    friend class stream_wait;
    friend class core_reference;
    friend class core_watch;
    friend struct core_closer;

    stream_wait* reader_ = nullptr;
    stream_wait* opener_ = nullptr;
    coil::internal::list<stream_wait> writers_;
    [[no_unique_address]] coil::internal::thread_mark thread_{"a socket"};
    coil::internal::list<core_watch> watches_;
    std::uint32_t references_ = 1;
    bool closed_ = false;
    bool half_open_ = false;
    bool end_asked_ = false;
    bool cut_off_ = false;
    bool write_given_up_ = false;  // the last one, before all of it was taken
};

inline stream_wait::slot stream_wait::reader_place() noexcept
{
    return &stream_core::reader_;
}

inline stream_wait::slot stream_wait::opener_place() noexcept
{
    return &stream_core::opener_;
}

inline core_reference::core_reference(stream_core* to) noexcept : core_(to)
{
    if (core_)
        ++core_->references_;
}

inline core_reference::~core_reference()
{
    if (core_ && --core_->references_ == 0)
        delete core_;
}

inline stream_core* core_reference::get() const noexcept
{
    return core_ && !core_->closed_ ? core_ : nullptr;
}

/// What a socket does with its inside when it goes.
struct core_closer {
    void operator()(stream_core* core) const noexcept;
};

template <class Core>
using core_owner = std::unique_ptr<Core, core_closer>;

class read_wait final : public stream_wait {
public:
    read_wait(const core_reference& core, std::span<std::byte> buffer) noexcept
        : stream_wait(core, reader_place()), buffer_(buffer)
    {
    }
    result<std::size_t> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    std::span<std::byte> buffer_;
    result<std::size_t> outcome_{std::size_t{0}};
};

/// Waits until a read need not.
class readable_wait final : public stream_wait {
public:
    explicit readable_wait(const core_reference& core) noexcept : stream_wait(core, reader_place()) {}
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    result<> outcome_;
};

class write_wait final : public stream_wait {
public:
    write_wait(const core_reference& core, std::span<const std::byte> bytes) noexcept
        : stream_wait(core, nullptr), single_(bytes), total_(bytes.size())
    {
        unfinished_ = total_ > 0;
    }
    write_wait(const core_reference& core, std::span<const std::span<const std::byte>> pieces) noexcept
        : stream_wait(core, nullptr), pieces_(pieces)
    {
        for (const std::span<const std::byte>& piece : pieces)
            total_ += piece.size();
        unfinished_ = total_ > 0;
    }
    result<std::size_t> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override;
    std::error_code enter_queue() noexcept override;

    std::span<const std::byte> single_;
    std::span<const std::span<const std::byte>> pieces_;  // empty: `single_` is the only one
    std::size_t total_ = 0;
    std::size_t written_ = 0;
    result<std::size_t> outcome_{std::size_t{0}};
};

/// Waits until everything queued has left, and where `end` was asked for, the end too.
class drain_wait final : public stream_wait {
public:
    drain_wait(const core_reference& core, bool end) noexcept : stream_wait(core, nullptr), end_(end) {}
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }
    std::error_code enter_queue() noexcept override;

    bool end_;
    result<> outcome_;
};

/// Waits until the stream is open.
class open_wait final : public stream_wait {
public:
    explicit open_wait(const core_reference& core) noexcept : stream_wait(core, opener_place()) {}
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    result<> outcome_;
};

using open_awaitable = coil::internal::awaitable<open_wait, core_reference>;
using readable_awaitable = coil::internal::awaitable<readable_wait, core_reference>;
using read_awaitable = coil::internal::awaitable<read_wait, core_reference, std::span<std::byte>>;
using write_awaitable = coil::internal::awaitable<write_wait, core_reference, std::span<const std::byte>>;
using gather_awaitable =
    coil::internal::awaitable<write_wait, core_reference, std::span<const std::span<const std::byte>>>;
using drain_awaitable = coil::internal::awaitable<drain_wait, core_reference, bool>;

}  // namespace coil::net::internal
