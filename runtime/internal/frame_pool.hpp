#pragma once

#include <coil/runtime/internal/poison.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace coil::internal {

#if defined(COIL_ADDRESS_SANITIZER)

// The sanitizer finds a use after free only if memory is really freed.
inline void* allocate_frame(std::size_t size)
{
    return ::operator new(size);
}
inline void free_frame(void* frame, std::size_t) noexcept
{
    ::operator delete(frame);
}

#else

/// Free blocks in classes of 32 bytes, of which the allocator needs eight. Larger frames are rare and come from it.
struct frame_pool {
    static constexpr std::size_t granularity = 32;
    static constexpr std::size_t allocator_share = 8;
    static constexpr std::size_t largest = 8192;
    static constexpr std::size_t bytes_kept = 128 * 1024;  // of each size

    struct block {
        block* next;
    };
    struct shelf {
        block* free = nullptr;
        std::uint32_t room = 0;  // how many more may be put there; none before the thread's first use and after its last
    };

    static constexpr std::size_t shelf_of(std::size_t size) noexcept
    {
        return (size + allocator_share + granularity - 1) / granularity;
    }
    /// What a block on that shelf holds.
    static constexpr std::size_t room_of(std::size_t shelf) noexcept { return shelf * granularity - allocator_share; }

    std::array<shelf, (largest + allocator_share + granularity - 1) / granularity + 1> shelves;
};

/// Of this thread. It needs neither construction nor destruction, so that reaching it costs nothing.
extern constinit thread_local frame_pool this_thread_frames;

void* allocate_new_frame(std::size_t size);
void free_frame_without_room(void* frame, std::size_t size) noexcept;

/// Memory for coroutine frames and other short-lived objects, from a pool of this thread.
///
/// A block may be given back on another thread; it then stays there.
inline void* allocate_frame(std::size_t size)
{
    if (size <= frame_pool::largest) {
        frame_pool::shelf& from = this_thread_frames.shelves[frame_pool::shelf_of(size)];
        if (frame_pool::block* const free = from.free) {
            from.free = free->next;
            ++from.room;
            return free;
        }
    }
    return allocate_new_frame(size);
}

inline void free_frame(void* frame, std::size_t size) noexcept
{
    if (size <= frame_pool::largest) {
        frame_pool::shelf& to = this_thread_frames.shelves[frame_pool::shelf_of(size)];
        if (to.room > 0) {
            to.free = ::new (frame) frame_pool::block{to.free};
            --to.room;
            return;
        }
    }
    free_frame_without_room(frame, size);
}

#endif

/// Base of objects whose memory comes from the frame pool.
struct pooled {
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* object, std::size_t size) noexcept { free_frame(object, size); }
};

}  // namespace coil::internal
