#include <coil/runtime/internal/mailbox.hpp>

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace coil::internal {

mailbox::mailbox() : descriptor_(::eventfd(0, EFD_CLOEXEC))
{
    if (descriptor_ < 0)
        throw std::system_error(errno, std::system_category(), "eventfd");
}

mailbox::~mailbox()
{
    ::close(descriptor_);
}

bool mailbox::post(std::function<void()> call)
{
    const std::lock_guard lock(mutex_);
    if (!open_)
        return false;
    calls_.push_back(std::move(call));
    // Only the first call of a batch needs to wake the loop: until it takes the batch, it is awake or about to be. The
    // write happens under the lock so that the descriptor cannot be closed in between.
    if (calls_.size() == 1) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(descriptor_, &one, sizeof one);
    }
    return true;
}

std::vector<std::function<void()>> mailbox::take()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
}

void mailbox::close() noexcept
{
    std::vector<std::function<void()>> dropped;  // destroyed outside of the lock: a call may own anything
    const std::lock_guard lock(mutex_);
    open_ = false;
    dropped.swap(calls_);
}

}  // namespace coil::internal
