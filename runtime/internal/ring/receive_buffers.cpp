#include <coil/runtime/internal/ring/receive_buffers.hpp>

#include <coil/runtime/internal/poison.hpp>

#include <cerrno>
#include <system_error>

#include <sys/mman.h>

namespace coil::internal {
namespace {

// The bytes of neighbouring buffers begin in different cache sets: small messages use only the first line of each.
constexpr std::size_t buffer_spacing = 64;

}  // namespace

receive_buffers::receive_buffers(unsigned count, unsigned size)
    : count_(count), size_(size), stride_(size + buffer_spacing)
{
    if (count == 0)
        return;
    free_.reserve(count);
    for (unsigned id = count; id-- > 0;)
        free_.push_back(static_cast<std::uint16_t>(id));
    // Pages that are never received into stay unused.
    void* const mapped = ::mmap(nullptr, count * stride_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "no memory for receive buffers");
    memory_ = static_cast<std::byte*>(mapped);
    poison(memory_, count * stride_);
}

receive_buffers::~receive_buffers()
{
    if (!memory_)
        return;
    unpoison(memory_, count_ * stride_);
    ::munmap(memory_, count_ * stride_);
}

std::uint16_t receive_buffers::take() noexcept
{
    const std::uint16_t id = free_.back();
    free_.pop_back();
    unpoison(memory(id), size_);
    return id;
}

void receive_buffers::put(std::uint16_t id) noexcept
{
    poison(memory(id), size_);
    free_.push_back(id);
}

}  // namespace coil::internal
