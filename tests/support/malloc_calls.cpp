// A program that links this has malloc and the like of its own, which count and pass the call on.

#include "tests/support/malloc_calls.hpp"

#include <cstdlib>

namespace {

constinit thread_local std::size_t calls = 0;

}  // namespace

std::size_t coil::test::malloc_calls() noexcept
{
    return calls;
}

#if defined(COIL_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)

void* coil::test::uncounted_malloc(std::size_t size) noexcept
{
    return std::malloc(size);
}

void* coil::test::uncounted_realloc(void* memory, std::size_t size) noexcept
{
    return std::realloc(memory, size);
}

#else

extern "C" {

// The C library's own.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size)
{
    ++calls;
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size)
{
    ++calls;
    return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size)
{
    ++calls;
    return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size)
{
    ++calls;
    return __libc_memalign(alignment, size);
}

}  // extern "C"

void* coil::test::uncounted_malloc(std::size_t size) noexcept
{
    return __libc_malloc(size);
}

void* coil::test::uncounted_realloc(void* memory, std::size_t size) noexcept
{
    return __libc_realloc(memory, size);
}

#endif
