#include <coil/runtime/internal/fiber_stack.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/mman.h>

namespace coil::internal {
namespace {

constexpr std::size_t page_size = 4096;
constexpr std::size_t pages = fiber_stack::size / page_size;

// What other fibers left on their stacks is nothing that the sanitizers let anybody read.
#if defined(COIL_ADDRESS_SANITIZER)
__attribute__((noinline, no_sanitize("address")))
#else
__attribute__((noinline, no_sanitize("thread")))
#endif
std::size_t
zero_words_at(const std::byte* page) noexcept
{
    const auto* words = reinterpret_cast<const volatile std::uint64_t*>(page);
    std::size_t count = 0;
    while (count < page_size / sizeof(std::uint64_t) && words[count] == 0)
        ++count;
    return count;
}

}  // namespace

fiber_stack::fiber_stack()
{
    void* mapping =
        ::mmap(nullptr, reserve_size + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED)
        throw std::system_error(errno, std::system_category(), "coil: no stack for a fiber");
    if (::mprotect(static_cast<std::byte*>(mapping) + reserve_size, size, PROT_READ | PROT_WRITE) != 0) {
        const int cause = errno;
        ::munmap(mapping, reserve_size + size);
        throw std::system_error(cause, std::system_category(),
                                "coil: no reserve in front of a fiber's stack (is vm.max_map_count too small?)");
    }
    reserve_ = static_cast<std::byte*>(mapping);
    // A fiber touches two or three pages; a huge one would give it all.
    ::madvise(reserve_ + reserve_size, size, MADV_NOHUGEPAGE);
}

fiber_stack::~fiber_stack()
{
    if (reserve_)
        ::munmap(reserve_, reserve_size + size);
}

std::span<std::byte> fiber_stack::memory() const noexcept
{
    return std::span(reserve_ + reserve_size, size);
}

std::size_t fiber_stack::touched() const noexcept
{
    // The kernel hands out pages full of zeros. The lowest word that is none is as deep as anybody got.
    const std::span<std::byte> stack = memory();
    std::array<unsigned char, pages> resident;
    if (::mincore(stack.data(), stack.size(), resident.data()) != 0)
        return 0;
    for (std::size_t page = 0; page < pages; ++page) {
        if (!(resident[page] & 1))
            continue;
        const std::size_t zeros = zero_words_at(stack.data() + page * page_size) * sizeof(std::uint64_t);
        if (zeros < page_size)
            return stack.size() - page * page_size - zeros;
    }
    return 0;
}

fiber_stack_pool::~fiber_stack_pool()
{
    closed_ = true;
}

fiber_stack_pool& fiber_stack_pool::of_thread() noexcept
{
    thread_local fiber_stack_pool pool;
    return pool;
}

fiber_stack fiber_stack_pool::take()
{
    if (closed_ || free_.empty()) {
        if (!closed_ && free_.capacity() == in_use_)
            free_.reserve(std::max<std::size_t>(16, 2 * in_use_));  // so that giving back never allocates
        fiber_stack fresh;
        ++mapped_;
        ++in_use_;
        return fresh;
    }
    fiber_stack stack = std::move(free_.back());
    free_.pop_back();
    ++in_use_;
    return stack;
}

void fiber_stack_pool::put(fiber_stack stack) noexcept
{
    --in_use_;
    if (!closed_)
        free_.push_back(std::move(stack));
}

bool fiber_stack_pool::trim() noexcept
{
    if (!has_too_many())
        return false;
    const auto end = free_.begin() + static_cast<std::ptrdiff_t>(std::min(most_for_a_trim, free_.size() - kept));
    std::for_each(free_.begin(), end, [this](const fiber_stack& coldest) { measure(coldest); });
    free_.erase(free_.begin(), end);
    return has_too_many();
}

std::size_t fiber_stack_pool::high_water_mark() noexcept
{
    for (const fiber_stack& stack : free_)
        measure(stack);
    return high_water_mark_;
}

void fiber_stack_pool::measure(const fiber_stack& stack) noexcept
{
    high_water_mark_ = std::max(high_water_mark_, stack.touched());
}

}  // namespace coil::internal
