#include <coil/tls/private_key.hpp>

#include <coil/tls/internal/private_key_reader.hpp>
#include <coil/tls/internal/signing.hpp>

namespace coil::tls {

private_key::private_key(const pem& key, const std::optional<std::string>& passphrase)
{
    const internal::error_queue_guard guard;
    if (key.texts().size() != 1)
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "a private key is one text");
    internal::evp_pkey_ptr read =
        internal::read_private_key(key.texts().front(), passphrase, internal::subject_of("key", key));
    key_ = std::shared_ptr<EVP_PKEY>(read.release(), EVP_PKEY_free);
}

signature private_key::sign(const signature_request& request) const
{
    EVP_PKEY* const key = static_cast<EVP_PKEY*>(const_cast<void*>(key_.get()));
    return signature(internal::sign(key, request.scheme, request.message));
}

}  // namespace coil::tls
