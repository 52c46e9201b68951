#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/result.hpp>

#include <cstddef>
#include <optional>
#include <span>

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

/// A wait on a stream. The stream wakes it; it then tries again, outside of any handler, and either resumes the coroutine
/// or goes on waiting. So it does not matter how often it is woken.
class stream_wait : public coil::internal::stoppable_wait {
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

    /// @param place  where the stream keeps the wait that it has to wake.
    stream_wait(stream_core* core, slot place) noexcept : core_(core), place_(place) {}
    ~stream_wait() override { detach(); }

    /// Gets as far as it can. @return whether the wait is over.
    virtual bool attempt() noexcept = 0;
    virtual void finish(std::error_code error) noexcept = 0;

    stream_core* core_;

private:
    bool begin(std::coroutine_handle<> awaiting, stop_token token) noexcept;
    void detach() noexcept;
    void stopped() noexcept final { wake(); }

    slot place_;
    stop_token token_;
};

/// A coroutine's reference to a stream that may go while the coroutine waits: it then knows, and what it waits for is
/// stopped.
class core_reference : public coil::internal::list_hook<core_reference> {
public:
    /// @param outer  stops the same.
    core_reference(stream_core& to, stop_token outer) noexcept;

    bool lost() const noexcept { return core_ == nullptr; }
    stop_token token() noexcept { return stop_.token(); }

private:
    friend class stream_core;
    void lose_stream() noexcept;

    stream_core* core_;
    stop_source stop_;
};

/// The inside of a stream: what its awaiters work with. At most one reader, one writer and one who waits for the stream to
/// open wait at any time.
class stream_core {
public:
    stream_core() noexcept = default;
    stream_core(const stream_core&) = delete;
    stream_core& operator=(const stream_core&) = delete;
    virtual ~stream_core();

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
    /// Ends the sending side behind what is queued.
    virtual void end() noexcept = 0;
    /// Whether the end has left.
    virtual bool ended() const noexcept = 0;

protected:
    void wake_reader() noexcept
    {
        if (reader_)
            reader_->wake();
    }
    void wake_writer() noexcept
    {
        if (writer_)
            writer_->wake();
    }
    bool has_writer() const noexcept { return writer_ != nullptr; }
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
    friend class read_wait;
    friend class readable_wait;
    friend class write_wait;
    friend class drain_wait;
    friend class open_wait;

    stream_wait* reader_ = nullptr;
    stream_wait* writer_ = nullptr;
    stream_wait* opener_ = nullptr;
    [[no_unique_address]] coil::internal::thread_mark thread_{"a socket"};
    coil::internal::list<core_reference> references_;
};

class read_wait final : public stream_wait {
public:
    read_wait(stream_core* core, std::span<std::byte> buffer) noexcept
        : stream_wait(core, &stream_core::reader_), buffer_(buffer)
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
    explicit readable_wait(stream_core* core) noexcept : stream_wait(core, &stream_core::reader_) {}
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    result<> outcome_;
};

class write_wait final : public stream_wait {
public:
    write_wait(stream_core* core, std::span<const std::byte> bytes) noexcept
        : stream_wait(core, &stream_core::writer_), single_(bytes), total_(bytes.size())
    {
    }
    write_wait(stream_core* core, std::span<const std::span<const std::byte>> pieces) noexcept
        : stream_wait(core, &stream_core::writer_), pieces_(pieces)
    {
        for (const std::span<const std::byte>& piece : pieces)
            total_ += piece.size();
    }
    result<std::size_t> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override;

    std::span<const std::byte> single_;
    std::span<const std::span<const std::byte>> pieces_;  // empty: `single_` is the only one
    std::size_t total_ = 0;
    std::size_t written_ = 0;
    result<std::size_t> outcome_{std::size_t{0}};
};

/// Waits until everything queued has left, and where `end` was asked for, the end too.
class drain_wait final : public stream_wait {
public:
    drain_wait(stream_core* core, bool end) noexcept : stream_wait(core, &stream_core::writer_), end_(end) {}
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    bool end_;
    result<> outcome_;
};

/// Waits until the stream is open.
class open_wait final : public stream_wait {
public:
    explicit open_wait(stream_core* core) noexcept : stream_wait(core, &stream_core::opener_) {}
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    result<> outcome_;
};

using open_awaitable = coil::internal::awaitable<open_wait, stream_core*>;
using readable_awaitable = coil::internal::awaitable<readable_wait, stream_core*>;
using read_awaitable = coil::internal::awaitable<read_wait, stream_core*, std::span<std::byte>>;
using write_awaitable = coil::internal::awaitable<write_wait, stream_core*, std::span<const std::byte>>;
using gather_awaitable =
    coil::internal::awaitable<write_wait, stream_core*, std::span<const std::span<const std::byte>>>;
using drain_awaitable = coil::internal::awaitable<drain_wait, stream_core*, bool>;

}  // namespace coil::net::internal
