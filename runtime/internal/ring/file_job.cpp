#include <coil/runtime/internal/ring/file_job.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coil::internal {
namespace {

constexpr std::uint64_t current_position = static_cast<std::uint64_t>(-1);

long open_file(int folder, const char* path, const open_how& how) noexcept
{
    const long opened = ::syscall(SYS_openat2, folder, path, &how, sizeof how);
    // Older kernels do not know it, and some sandboxes refuse what they do not know.
    if (opened >= 0 || (errno != ENOSYS && errno != EPERM) || how.resolve != 0)
        return opened;
    return ::openat(folder, path, static_cast<int>(how.flags), static_cast<mode_t>(how.mode));
}

}  // namespace

std::unique_ptr<file_job> file_job::detached(const request& wanted, std::shared_ptr<finished_jobs> home)
{
    auto made = std::make_unique<file_job>(wanted, std::move(home));
    made->detached_ = true;
    if (wanted.fd >= 0) {
        made->duplicate_ = ::fcntl(wanted.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (made->duplicate_ < 0)
            return nullptr;
        made->wanted_.fd = made->duplicate_;
    }
    if (wanted.code == opcode::open) {
        made->path_ = static_cast<const char*>(wanted.address);
        made->how_ = *reinterpret_cast<const open_how*>(wanted.offset);
        made->wanted_.address = made->path_.c_str();
        made->wanted_.offset = reinterpret_cast<std::uintptr_t>(&made->how_);
    } else {
        const auto* const bytes = static_cast<const std::byte*>(wanted.address);
        made->copy_.assign(bytes, bytes + std::min<std::size_t>(wanted.length, PIPE_BUF));
        made->wanted_.address = made->copy_.data();
        made->wanted_.length = static_cast<std::uint32_t>(made->copy_.size());
    }
    return made;
}

file_job::~file_job()
{
    if (duplicate_ >= 0)
        ::close(duplicate_);
    if (wanted_.code == opcode::open && result_ >= 0)
        ::close(result_);
}

int file_job::take_result() noexcept
{
    return std::exchange(result_, -ECANCELED);
}

void file_job::make() noexcept
{
    std::unique_ptr<file_job> self(this);
    if (!home_->begin(*this))
        return;
    result_ = call();
    const std::shared_ptr<finished_jobs> home = home_;
    home->finish(std::move(self));
}

int file_job::call() const noexcept
{
    const int fd = wanted_.fd;
    void* const address = const_cast<void*>(wanted_.address);
    const auto place = static_cast<off_t>(wanted_.offset);
    long outcome = -1;
    do {
        switch (wanted_.code) {
        case opcode::read:
            outcome = wanted_.offset == current_position ? ::read(fd, address, wanted_.length)
                                                         : ::pread(fd, address, wanted_.length, place);
            break;
        case opcode::write:
            outcome = wanted_.offset == current_position ? ::write(fd, address, wanted_.length)
                                                         : ::pwrite(fd, address, wanted_.length, place);
            break;
        case opcode::open:
            outcome =
                open_file(fd, static_cast<const char*>(address), *reinterpret_cast<const open_how*>(wanted_.offset));
            break;
        case opcode::status:
            outcome = ::statx(fd, static_cast<const char*>(address), static_cast<int>(wanted_.option),
                              STATX_BASIC_STATS, reinterpret_cast<struct statx*>(wanted_.offset));
            break;
        case opcode::synchronize: outcome = ::fsync(fd); break;
        default: errno = EOPNOTSUPP; break;
        }
    } while (outcome < 0 && errno == EINTR);
    return outcome < 0 ? -errno : static_cast<int>(outcome);
}

bool finished_jobs::revoke(file_job& which) noexcept
{
    const std::lock_guard lock(mutex_);
    if (which.phase_ != file_job::phase::queued)
        return false;
    which.phase_ = file_job::phase::unwanted;
    return true;
}

bool finished_jobs::abandon(file_job& which) noexcept
{
    const std::lock_guard lock(mutex_);
    if (which.phase_ == file_job::phase::finished)
        return false;
    which.phase_ = file_job::phase::unwanted;
    return true;
}

void finished_jobs::wait_for(file_job& which) noexcept
{
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&which] { return which.phase_ == file_job::phase::finished; });
}

std::unique_ptr<file_job> finished_jobs::take() noexcept
{
    const std::lock_guard lock(mutex_);
    file_job* const oldest = first_;
    if (oldest) {
        first_ = oldest->next_;
        if (!first_)
            end_ = &first_;
    }
    return std::unique_ptr<file_job>(oldest);
}

void finished_jobs::close() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    while (take()) {}
}

bool finished_jobs::begin(file_job& which) noexcept
{
    const std::lock_guard lock(mutex_);
    if (which.phase_ == file_job::phase::unwanted || closed_)
        return false;
    which.phase_ = file_job::phase::running;
    return true;
}

void finished_jobs::finish(std::unique_ptr<file_job> which) noexcept
{
    const std::lock_guard lock(mutex_);
    if (which->phase_ == file_job::phase::unwanted || closed_)
        return;
    which->phase_ = file_job::phase::finished;
    which->next_ = nullptr;
    const bool rings = first_ == nullptr;
    *end_ = which.get();
    end_ = &which.release()->next_;
    ended_.notify_all();
    if (rings)
        news_->ring();
}

}  // namespace coil::internal
