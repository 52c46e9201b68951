#include <coil/tls/psk.hpp>

#include <coil/tls/internal/openssl.hpp>

#include <openssl/rand.h>

namespace coil::tls {

std::vector<std::byte> random_psk(std::size_t size)
{
    if (size == 0 || size > PSK_MAX_PSK_LEN)
        throw internal::argument_error("ERR_OUT_OF_RANGE", "random_psk: the size is not from 1 to 512 bytes");
    const internal::error_queue_guard guard;
    std::vector<std::byte> key(size);
    if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(size)) != 1)
        throw internal::setup_error("random_psk");
    return key;
}

}  // namespace coil::tls
