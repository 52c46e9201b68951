#include <coil/runtime/internal/frame_pool.hpp>

#include <coil/runtime/internal/poison.hpp>

#include <array>
#include <new>

namespace coil::internal {

#if defined(COIL_ADDRESS_SANITIZER)

// The sanitizer finds a use after free only if memory is really freed.
void* allocate_frame(std::size_t size)
{
    return ::operator new(size);
}

void free_frame(void* frame, std::size_t) noexcept
{
    ::operator delete(frame);
}

#else

namespace {

constexpr std::size_t granularity = 64;
constexpr std::size_t largest = 2048;
constexpr std::size_t bytes_kept = 128 * 1024;  // of each size

/// Free blocks in classes of 64 bytes. Larger frames are rare and come from the allocator.
class frame_pool {
public:
    ~frame_pool()
    {
        closed_ = true;
        for (shelf& each : shelves_)
            while (block* free = each.free) {
                each.free = free->next;
                ::operator delete(free);
            }
    }

    void* allocate(std::size_t size)
    {
        if (size > largest)
            return ::operator new(size);
        const std::size_t index = (size + granularity - 1) / granularity;
        shelf& from = shelves_[index];
        if (block* free = from.free) {
            from.free = free->next;
            --from.count;
            return free;
        }
        return ::operator new(index * granularity);
    }

    void release(void* memory, std::size_t size) noexcept
    {
        const std::size_t index = (size + granularity - 1) / granularity;
        if (size > largest || closed_ || shelves_[index].count * index * granularity >= bytes_kept) {
            ::operator delete(memory);
            return;
        }
        shelf& to = shelves_[index];
        to.free = ::new (memory) block{to.free};
        ++to.count;
    }

private:
    struct block {
        block* next;
    };
    struct shelf {
        block* free = nullptr;
        std::size_t count = 0;
    };

    std::array<shelf, largest / granularity + 1> shelves_{};
    bool closed_ = false;
};

thread_local frame_pool pool;

}  // namespace

void* allocate_frame(std::size_t size)
{
    return pool.allocate(size);
}

void free_frame(void* frame, std::size_t size) noexcept
{
    pool.release(frame, size);
}

#endif

}  // namespace coil::internal
