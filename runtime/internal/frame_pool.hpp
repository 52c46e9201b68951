#pragma once

#include <cstddef>

namespace coil::internal {

/// Memory for coroutine frames and other short-lived objects, from a pool of this thread.
///
/// A block may be given back on another thread; it then stays there.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

/// Base of objects whose memory comes from the frame pool.
struct pooled {
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* object, std::size_t size) noexcept { free_frame(object, size); }
};

}  // namespace coil::internal
