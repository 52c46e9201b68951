#pragma once

#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace coil {

class file;

namespace internal {

class transfer_wait final : public operation_wait {
public:
    explicit transfer_wait(request wanted) noexcept : operation_wait(wanted) {}
    result<std::size_t> await_resume() const noexcept
    {
        if (outcome() < 0)
            return error_from_errno(-outcome());
        return static_cast<std::size_t>(outcome());
    }
};

class completion_wait final : public operation_wait {
public:
    explicit completion_wait(request wanted) noexcept : operation_wait(wanted) {}
    result<> await_resume() const noexcept { return error_from_errno(outcome() < 0 ? -outcome() : 0); }
};

/// Closes a descriptor that it took from its file. Who waits may go before; the descriptor is closed all the same.
class close_wait final : public stoppable_wait, private completion_handler {
public:
    explicit close_wait(file* of) noexcept : of_(of) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        return begin(awaiting, stop_token_of(awaiting));
    }
    result<> await_resume() const noexcept { return error_from_errno(outcome_ < 0 ? -outcome_ : 0); }

private:
    bool begin(std::coroutine_handle<> awaiting, stop_token token);
    void complete(const completion& what, operation_memory*) noexcept override;
    void stopped() noexcept override;

    file* of_;
    operation closing_;
    int outcome_ = 0;
};

}  // namespace internal

/// What is known of a file.
struct file_status {
    std::uint64_t size = 0;  ///< Bytes.
    bool is_regular = false;
    bool is_directory = false;
    std::chrono::system_clock::time_point
        modified;  ///< The nearest that the clock has, between the years 1677 and 2262.
};

/// An open file. Reads and writes go through the ring; files on a disk may take a thread of the kernel to do so.
///
/// A terminal that is full holds up the loop until somebody reads it; `standard_output` is for terminals.
class file {
public:
    using transfer = internal::awaitable<internal::transfer_wait, internal::request>;

    /// Opens `path`.
    /// @param flags  O_RDONLY, O_WRONLY | O_CREAT … as for open(2); O_CLOEXEC is added.
    /// @param mode  permissions of a file that is created.
    /// Errors: the system's, `errc::canceled`.
    static task<result<file>> open(std::string path, int flags, unsigned mode = 0644);

    /// Opens `path` below `folder` and nowhere else: neither `..` nor a link leads out of it.
    /// Errors: as for `open`; EXDEV where the path leads out.
    static task<result<file>> open_below(const file& folder, std::string path, int flags, unsigned mode = 0644);

    /// Takes over an open descriptor.
    explicit file(int descriptor) noexcept : descriptor_(descriptor) {}
    file(file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    file& operator=(file&& other) noexcept
    {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~file();

    /// Reads from `offset`.
    /// @param buffer  not empty; valid until the await completes.
    /// @return bytes read; 0 at the end of the file.
    /// Errors: the system's, `errc::canceled`.   Overlap: any.
    transfer read_at(std::span<std::byte> buffer, std::uint64_t offset) const noexcept;

    /// Reads from where the last read ended: for pipes, terminals and other streams.
    transfer read(std::span<std::byte> buffer) const noexcept;

    /// Writes at `offset`. @return bytes written, which may be fewer than given.
    transfer write_at(std::span<const std::byte> bytes, std::uint64_t offset) const noexcept;

    /// Writes where the last write ended, or at the end of a stream. @return bytes written, which may be fewer than given.
    transfer write(std::span<const std::byte> bytes) const noexcept;

    /// Puts what was written on the disk.
    internal::awaitable<internal::completion_wait, internal::request> sync() const noexcept;

    /// Errors: the system's, `errc::canceled`.
    task<result<file_status>> status() const;

    /// Closes it and tells what the system found out only then: that bytes written before did not get to the disk.
    ///
    /// Whatever comes of it, the file is closed afterwards, also where the wait is stopped. Destroying the file closes it
    /// too, and tells nothing.
    /// Errors: the system's (EIO, ENOSPC, EDQUOT, …; EBADF where it is not open), `errc::canceled`.
    /// Overlap: with no other use of this file.   Node: filehandle.close.
    internal::awaitable<internal::close_wait, file*> close() noexcept;

    /// A second descriptor of the same open file: both share the place where the last read or write ended.
    /// Errors: the system's (EMFILE).
    result<file> duplicate() const noexcept;

    /// -1 where it is not open.
    int descriptor() const noexcept { return descriptor_; }

    /// Gives the descriptor up to the caller, who is to close it. @return -1 where it is not open.
    [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

private:
    int descriptor_;
};

}  // namespace coil
