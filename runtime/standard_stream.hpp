#pragma once

#include <coil/runtime/file.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/mutex.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <coroutine>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace coil {

class standard_input;

namespace internal {

/// Waits for bytes of a standard input.
class input_wait final : public stoppable_wait {
public:
    input_wait(standard_input* from, std::span<std::byte> buffer) noexcept : from_(from), buffer_(buffer) {}
    ~input_wait() override;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }
    result<std::size_t> await_resume() noexcept;

private:
    friend class coil::standard_input;

    bool begin(std::coroutine_handle<> awaiting, stop_token token);
    void stopped() noexcept override;
    void end(std::error_code why) noexcept
    {
        why_ = why;
        resume_later();
    }

    standard_input* from_;
    std::span<std::byte> buffer_;
    std::error_code why_;
    bool stopping_ = false;
};

}  // namespace internal

/// Standard input as a stream: a terminal, a pipe, a file or a socket.
///
/// The descriptor is shared with other programs, so its flags stay as they are; it may be non-blocking or not. Nothing is
/// read before somebody waits for it, and never more than was asked for, so that what the program leaves is there for the
/// next one. Bytes that arrive at the moment at which a read is given up stay here for the next read.
/// ```
/// coil::standard_input input;
/// while (auto count = co_await input.read(buffer)) ...
/// ```
/// Thread: one loop.   Node: process.stdin.
class standard_input final : private internal::completion_handler {
public:
    /// @param descriptor  what to read from; a duplicate of it is used. Where that cannot be had, every read says why.
    explicit standard_input(int descriptor = 0) noexcept;
    standard_input(const standard_input&) = delete;
    standard_input& operator=(const standard_input&) = delete;
    ~standard_input();

    /// Reads into `buffer`; completes as soon as there is at least one byte.
    /// @param buffer  not empty; valid until the await completes.
    /// @return bytes read, 1 … buffer.size().
    /// Errors: `errc::end_of_stream`, after which a terminal may have more; the system's (EIO, EBADF); `errc::reset`,
    ///         `errc::canceled` with nothing read, `errc::already_in_progress`, `errc::destroyed`.
    /// Overlap: one at a time.   Node: 'data' and 'end'.
    internal::awaitable<internal::input_wait, standard_input*, std::span<std::byte>>
    read(std::span<std::byte> buffer) noexcept
    {
        return internal::awaitable<internal::input_wait, standard_input*, std::span<std::byte>>(this, buffer);
    }

private:
    friend class internal::input_wait;

    void complete(const internal::completion& what, internal::operation_memory* memory) noexcept override;
    void start_reading() noexcept;
    void start_polling() noexcept;
    void end(std::error_code why) noexcept;

    result<file> stream_;
    bool is_terminal_;
    internal::operation operation_;
    internal::input_wait* waiting_ = nullptr;
    internal::chunk_queue kept_;
    std::optional<std::error_code> kept_end_;  // of a read that nobody waited for any more
    bool polling_ = false;
};

/// Standard output as a stream: a terminal, a pipe, a file or a socket. As with `standard_input` its flags stay as they are.
///
/// ```
/// coil::standard_output output;
/// auto written = co_await output.write("text\n");
/// ```
/// Thread: one loop.   Lifetime: beyond that of the writes.   Node: process.stdout, process.stderr.
class standard_output {
public:
    /// @param descriptor  what to write to, such as STDERR_FILENO; a duplicate of it is used. Where that cannot be had, every
    ///                    write says why.
    explicit standard_output(int descriptor = 1) noexcept;
    standard_output(const standard_output&) = delete;
    standard_output& operator=(const standard_output&) = delete;

    /// Writes all of `bytes`.
    /// @param bytes  valid until the await completes.
    /// @return bytes.size(); fewer only if the wait was stopped midway.
    /// Errors: the system's (EPIPE, ENOSPC, EIO, …), after which an unknown part has been written; `errc::canceled` with
    ///         nothing written. Writing to a pipe that nobody reads also raises SIGPIPE, which ends a program that does not
    ///         ignore it.
    /// Overlap: any; writes go out whole, in the order in which they were awaited.   Node: write.
    task<result<std::size_t>> write(std::span<const std::byte> bytes);
    task<result<std::size_t>> write(std::string_view text);

private:
    result<file> stream_;
    bool is_terminal_;
    mutex writing_;
};

}  // namespace coil
