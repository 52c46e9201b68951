#include <coil/tls/internal/bio.hpp>

#include <coil/runtime/internal/copy.hpp>

#include <algorithm>
#include <new>

namespace coil::tls::internal {
namespace {

int read_bytes(BIO* bio, char* target, std::size_t size, std::size_t* moved) noexcept
{
    ciphertext& bytes = ciphertext_of(bio);
    auto* to = reinterpret_cast<std::byte*>(target);
    std::size_t total = 0;
    while (total < size && !bytes.input.empty()) {
        const std::span<const std::byte> front = bytes.input.front();
        const std::size_t part = std::min(front.size(), size - total);
        coil::internal::copy_bytes(to + total, front.data(), part);
        bytes.input.consume(part);
        total += part;
    }
    if (const std::size_t part = std::min(bytes.lent.size(), size - total)) {
        coil::internal::copy_bytes(to + total, bytes.lent.data(), part);
        bytes.lent = bytes.lent.subspan(part);
        total += part;
    }
    *moved = total;
    BIO_clear_retry_flags(bio);
    if (total == 0)
        BIO_set_retry_read(bio);
    return total != 0;
}

int write_bytes(BIO* bio, const char* source, std::size_t size, std::size_t* moved) noexcept
{
    BIO_clear_retry_flags(bio);
    *moved = 0;
    try {
        if (!ciphertext_of(bio).muted)
            ciphertext_of(bio).output.append({reinterpret_cast<const std::byte*>(source), size});
    } catch (const std::bad_alloc&) {
        return 0;
    }
    *moved = size;
    return 1;
}

/// OpenSSL asks a dozen times for each small write whether the kernel does the encryption; the answer is no.
long control(BIO* bio, int command, long /*number*/, void* /*pointer*/) noexcept
{
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_PENDING: return static_cast<long>(ciphertext_of(bio).input.size() + ciphertext_of(bio).lent.size());
    case BIO_CTRL_WPENDING: return static_cast<long>(ciphertext_of(bio).output.size());
    default: return 0;
    }
}

BIO_METHOD* make_method()
{
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "coil ciphertext");
    if (!method || !BIO_meth_set_read_ex(method, read_bytes) || !BIO_meth_set_write_ex(method, write_bytes) ||
        !BIO_meth_set_ctrl(method, control))
        throw std::bad_alloc();
    return method;
}

}  // namespace

ciphertext& ciphertext_of(BIO* bio) noexcept
{
    return *static_cast<ciphertext*>(BIO_get_data(bio));
}

bio_ptr make_bio(ciphertext& bytes)
{
    // Never freed: connections may outlive static objects.
    static BIO_METHOD* const method = make_method();
    bio_ptr bio(BIO_new(method));
    if (!bio)
        throw std::bad_alloc();
    BIO_set_data(bio.get(), &bytes);
    BIO_set_init(bio.get(), 1);
    return bio;
}

}  // namespace coil::tls::internal
