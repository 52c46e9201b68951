#include <coil/runtime/file.hpp>

#include <coil/runtime/internal/ring/descriptors.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>
#include <coil/runtime/loop.hpp>

#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

namespace coil {
namespace {

using internal::opcode;
using internal::request;

constexpr std::uint64_t current_position = static_cast<std::uint64_t>(-1);

/// A file system has room for more times than the clock of the system, which ends in the years 1677 and 2262: what lies
/// outside becomes the nearest that it can tell.
std::chrono::system_clock::time_point time_of(const struct statx_timestamp& when) noexcept
{
    using clock = std::chrono::system_clock;
    const std::chrono::seconds seconds(when.tv_sec);
    if (seconds < std::chrono::ceil<std::chrono::seconds>(clock::duration::min()))
        return clock::time_point::min();
    if (seconds >= std::chrono::floor<std::chrono::seconds>(clock::duration::max()))
        return clock::time_point::max();
    return clock::time_point(seconds + std::chrono::nanoseconds(when.tv_nsec));
}

/// What the kernel reads while it opens a file. The wait may be given up earlier, so it lives with the operation.
struct open_memory final : internal::operation_memory {
    std::string path;
    open_how how{};
};

/// Nothing is borrowed, and a file that is opened after the wait was given up is closed by the operation.
class open_wait final : public internal::stoppable_wait, private internal::completion_handler {
public:
    open_wait(int folder, std::unique_ptr<open_memory> memory) noexcept : folder_(folder), memory_(std::move(memory)) {}
    ~open_wait() override
    {
        if (outcome_ >= 0)
            loop::close(outcome_);  // opened, but nobody came for it
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> awaiting)
    {
        const stop_token token = internal::stop_token_of(awaiting);
        if (token.stop_requested())
            return false;
        const request wanted{.code = opcode::open,
                             .fd = folder_,
                             .address = memory_->path.c_str(),
                             .offset = reinterpret_cast<std::uintptr_t>(&memory_->how)};
        opening_.start(wanted, *this, std::move(memory_));
        wait_with(awaiting, token);
        return true;
    }
    result<file> await_resume() noexcept
    {
        if (outcome_ < 0)
            return error_from_errno(-outcome_);
        return file(std::exchange(outcome_, -ECANCELED));
    }

private:
    void complete(const internal::completion& what, internal::operation_memory*) noexcept override
    {
        outcome_ = what.result < 0 ? what.result : internal::above_standard_numbers(what.result);
        if (outcome_ == -1 && what.result >= 0)
            outcome_ = -errno;
        resume_later();
    }
    void stopped() noexcept override { opening_.cancel(); }

    int folder_;
    std::unique_ptr<open_memory> memory_;
    internal::operation opening_;
    int outcome_ = -ECANCELED;
};

task<result<file>> open_at(int folder, std::string path, int flags, unsigned mode, std::uint64_t resolve)
{
    if (path.find('\0') != std::string::npos)
        co_return error_from_errno(EINVAL);  // the system would open what stands before it
    auto memory = std::make_unique<open_memory>();
    memory->path = std::move(path);
    memory->how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    if (flags & O_CREAT)
        memory->how.mode = mode;
    memory->how.resolve = resolve;
    open_wait opening(folder, std::move(memory));
    result<file> opened = co_await opening;
    co_return opened;
}

class status_wait final : public internal::operation_wait {
public:
    status_wait(int descriptor, struct statx& found) noexcept
        : operation_wait({.code = opcode::status,
                          .fd = descriptor,
                          .address = "",
                          .option = AT_EMPTY_PATH,
                          .offset = reinterpret_cast<std::uintptr_t>(&found)})
    {
    }
    result<> await_resume() const noexcept { return error_from_errno(outcome() < 0 ? -outcome() : 0); }
};

file::transfer transfer(opcode code, int descriptor, const std::byte* bytes, std::size_t size,
                        std::uint64_t offset) noexcept
{
    return file::transfer(request{.code = code,
                                  .fd = descriptor,
                                  .address = bytes,
                                  .length = static_cast<std::uint32_t>(std::min<std::size_t>(size, 1U << 30)),
                                  .offset = offset});
}

}  // namespace

namespace internal {

bool close_wait::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    closing_.start({.code = opcode::close, .fd = of_->release()}, *this);
    if (token.stop_requested()) {
        outcome_ = -ECANCELED;
        closing_.abandon();
        return false;
    }
    wait_with(awaiting, token);
    return true;
}

void close_wait::complete(const completion& what, operation_memory*) noexcept
{
    outcome_ = what.result;
    resume_later();
}

void close_wait::stopped() noexcept
{
    if (!closing_.pending())
        return;
    outcome_ = -ECANCELED;
    closing_.abandon();
    resume_later();
}

}  // namespace internal

task<result<file>> file::open(std::string path, int flags, unsigned mode)
{
    return open_at(AT_FDCWD, std::move(path), flags, mode, 0);
}

task<result<file>> file::open_below(const file& folder, std::string path, int flags, unsigned mode)
{
    return open_at(folder.descriptor(), std::move(path), flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

file::~file()
{
    if (descriptor_ >= 0)
        loop::close(descriptor_);
}

file::transfer file::read_at(std::span<std::byte> buffer, std::uint64_t offset) const noexcept
{
    return coil::transfer(opcode::read, descriptor_, buffer.data(), buffer.size(), offset);
}

file::transfer file::read(std::span<std::byte> buffer) const noexcept
{
    return read_at(buffer, current_position);
}

file::transfer file::write_at(std::span<const std::byte> bytes, std::uint64_t offset) const noexcept
{
    return coil::transfer(opcode::write, descriptor_, bytes.data(), bytes.size(), offset);
}

file::transfer file::write(std::span<const std::byte> bytes) const noexcept
{
    return write_at(bytes, current_position);
}

internal::awaitable<internal::completion_wait, internal::request> file::sync() const noexcept
{
    return internal::awaitable<internal::completion_wait, internal::request>(
        request{.code = opcode::synchronize, .fd = descriptor_});
}

task<result<file_status>> file::status() const
{
    struct statx found{};
    status_wait waiting(descriptor_, found);
    result<> done = co_await waiting;
    if (!done)
        co_return done.error();
    file_status known;
    known.size = found.stx_size;
    known.is_regular = S_ISREG(found.stx_mode);
    known.is_directory = S_ISDIR(found.stx_mode);
    known.modified = time_of(found.stx_mtime);
    co_return known;
}

internal::awaitable<internal::close_wait, file*> file::close() noexcept
{
    return internal::awaitable<internal::close_wait, file*>(this);
}

result<file> file::duplicate() const noexcept
{
    const int copy = internal::duplicate(descriptor_);
    if (copy < 0)
        return error_from_errno(errno);
    return file(copy);
}

}  // namespace coil
