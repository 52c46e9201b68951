#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define COIL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COIL_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(COIL_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace coil::internal {

/// Tells the address sanitizer that nobody may touch this memory: it lies in a pool. Does nothing in other builds.
inline void poison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) noexcept
{
#if defined(COIL_ADDRESS_SANITIZER)
    __asan_poison_memory_region(memory, size);
#endif
}

/// The reverse of `poison`.
inline void unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) noexcept
{
#if defined(COIL_ADDRESS_SANITIZER)
    __asan_unpoison_memory_region(memory, size);
#endif
}

}  // namespace coil::internal
