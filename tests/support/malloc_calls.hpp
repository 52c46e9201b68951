#pragma once

#include <coil/runtime/internal/poison.hpp>

#include <cstddef>

namespace coil::test {

/// Whether calls are counted. The sanitizers bring an allocator of their own.
#if defined(COIL_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
inline constexpr bool malloc_is_counted = false;
#else
inline constexpr bool malloc_is_counted = true;
#endif

/// Calls of this thread so far: malloc, calloc, realloc and aligned_alloc, each also by way of operator new.
std::size_t malloc_calls() noexcept;

/// The same functions for whom this is not about.
/// @{
void* uncounted_malloc(std::size_t size) noexcept;
void* uncounted_realloc(void* memory, std::size_t size) noexcept;
/// @}

}  // namespace coil::test
