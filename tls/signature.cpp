#include <coil/tls/signature.hpp>

#include <coil/tls/internal/signing.hpp>

namespace coil::tls {

std::vector<std::byte> signature_request::digest() const
{
    const std::string_view name = internal::digest_name(scheme);
    if (name.empty())
        return message;
    const internal::error_queue_guard guard;
    std::vector<std::byte> made(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, name.data(), nullptr, message.data(), message.size(),
                     reinterpret_cast<unsigned char*>(made.data()), &size) != 1)
        throw internal::setup_error("digest of what is to be signed");
    made.resize(size);
    return made;
}

}  // namespace coil::tls
