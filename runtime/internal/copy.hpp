#pragma once

#include <cstddef>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace coil::internal {

/// memcpy for ciphertext.
///
/// From about 2 KiB on, glibc copies with `rep movsb`, which on some processors is 25 to 50 times slower at a few
/// distances between source and target modulo the page size. A record read as header and body from a buffer hits exactly
/// those, so longer copies use plain 16-byte moves.
inline void copy_bytes(std::byte* target, const std::byte* source, std::size_t size) noexcept
{
#if defined(__SSE2__)
    constexpr std::size_t block = 64;
    if (size >= 512) {
        while (size >= block) {
            const auto* from = reinterpret_cast<const __m128i*>(source);
            auto* to = reinterpret_cast<__m128i*>(target);
            const __m128i a = _mm_loadu_si128(from);
            const __m128i b = _mm_loadu_si128(from + 1);
            const __m128i c = _mm_loadu_si128(from + 2);
            const __m128i d = _mm_loadu_si128(from + 3);
            _mm_storeu_si128(to, a);
            _mm_storeu_si128(to + 1, b);
            _mm_storeu_si128(to + 2, c);
            _mm_storeu_si128(to + 3, d);
            source += block;
            target += block;
            size -= block;
        }
    }
#endif
    std::memcpy(target, source, size);
}

}  // namespace coil::internal
