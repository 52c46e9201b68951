#include <coil/runtime/internal/frame_pool.hpp>

#if !defined(COIL_ADDRESS_SANITIZER)

namespace coil::internal {

constinit thread_local frame_pool this_thread_frames{};

namespace {

/// Opens the pool at the thread's first use of it and closes it when the thread ends.
class frame_pool_life {
public:
    enum class stage { before, open, over };

    frame_pool_life() noexcept
    {
        for (std::size_t index = 1; index < this_thread_frames.shelves.size(); ++index)
            this_thread_frames.shelves[index].room =
                static_cast<std::uint32_t>(frame_pool::bytes_kept / frame_pool::room_of(index));
        now = stage::open;
    }
    frame_pool_life(const frame_pool_life&) = delete;
    frame_pool_life& operator=(const frame_pool_life&) = delete;
    ~frame_pool_life()
    {
        now = stage::over;
        for (frame_pool::shelf& each : this_thread_frames.shelves) {
            each.room = 0;
            while (frame_pool::block* const free = each.free) {
                each.free = free->next;
                ::operator delete(free);
            }
        }
    }

    static void open_once() noexcept
    {
        if (now == stage::before) {
            thread_local const frame_pool_life life;
            static_cast<void>(life);
        }
    }

    static constinit thread_local stage now;
};

constinit thread_local frame_pool_life::stage frame_pool_life::now = stage::before;

}  // namespace

void* allocate_new_frame(std::size_t size)
{
    frame_pool_life::open_once();
    if (size > frame_pool::largest)
        return ::operator new(size);
    return ::operator new(frame_pool::room_of(frame_pool::shelf_of(size)));
}

void free_frame_without_room(void* frame, std::size_t size) noexcept
{
    if (size <= frame_pool::largest && frame_pool_life::now == frame_pool_life::stage::before) {
        frame_pool_life::open_once();
        free_frame(frame, size);
        return;
    }
    ::operator delete(frame);
}

}  // namespace coil::internal

#endif
