#include "bench/floor/memory_pipe.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <emmintrin.h>

namespace bench {
namespace {

struct ends {
    memory_pipe* input;
    memory_pipe* output;
};

ends& ends_of(BIO* bio)
{
    return *static_cast<ends*>(BIO_get_data(bio));
}

/// memcpy of large blocks is many times slower at some page offsets on some processors, and records hit exactly those.
void copy(char* to, const char* from, std::size_t size)
{
    if (size < 512) {
        std::memcpy(to, from, size);
        return;
    }
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
    std::memcpy(to + i, from + i, size - i);
}

int read_bytes(BIO* bio, char* to, std::size_t size, std::size_t* moved)
{
    memory_pipe& pipe = *ends_of(bio).input;
    BIO_clear_retry_flags(bio);
    *moved = std::min(size, pipe.bytes.size() - pipe.taken);
    if (*moved == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    copy(to, pipe.bytes.data() + pipe.taken, *moved);
    pipe.taken += *moved;
    if (pipe.taken == pipe.bytes.size()) {
        pipe.bytes.clear();
        pipe.taken = 0;
    }
    return 1;
}

int write_bytes(BIO* bio, const char* from, std::size_t size, std::size_t* moved)
{
    memory_pipe& pipe = *ends_of(bio).output;
    BIO_clear_retry_flags(bio);
    *moved = size;
    if (!pipe.drop) {
        const std::size_t end = pipe.bytes.size();
        pipe.bytes.resize(end + size);
        copy(pipe.bytes.data() + end, from, size);
    }
    return 1;
}

long control(BIO*, int command, long, void*)
{
    return command == BIO_CTRL_FLUSH;
}

int destroy(BIO* bio)
{
    delete static_cast<ends*>(BIO_get_data(bio));
    return 1;
}

}  // namespace

openssl_ptr<BIO> make_pipe_bio(memory_pipe& input, memory_pipe& output)
{
    static BIO_METHOD* const method = [] {
        BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory pipe");
        BIO_meth_set_read_ex(made, read_bytes);
        BIO_meth_set_write_ex(made, write_bytes);
        BIO_meth_set_ctrl(made, control);
        BIO_meth_set_destroy(made, destroy);
        return made;
    }();
    openssl_ptr<BIO> bio(BIO_new(method));
    if (!bio)
        throw std::bad_alloc();
    BIO_set_data(bio.get(), new ends{&input, &output});
    BIO_set_init(bio.get(), 1);
    return bio;
}

}  // namespace bench
