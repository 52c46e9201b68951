#include <coil/tls/internal/handshake_summary.hpp>

#include <coil/tls/internal/psk_choice.hpp>

#include <algorithm>

namespace coil::tls::internal {
namespace {

x509_ptr shared(X509* certificate) noexcept
{
    if (certificate)
        X509_up_ref(certificate);
    return x509_ptr(certificate);
}

using finished_function = std::size_t (*)(const SSL*, void*, std::size_t);

std::optional<std::vector<std::byte>> finished_message(const SSL* ssl, finished_function get)
{
    std::vector<std::byte> bytes(EVP_MAX_MD_SIZE);
    bytes.resize(std::min(bytes.size(), get(ssl, bytes.data(), bytes.size())));
    if (bytes.empty())
        return std::nullopt;
    return bytes;
}

}  // namespace

void handshake_summary::fill(SSL* ssl)
{
    protocol_ = SSL_get_version(ssl);
    cipher_ = SSL_get_current_cipher(ssl);
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &name, &size);
    alpn_protocol_.assign(reinterpret_cast<const char*>(name), size);
    own_ = shared(SSL_get_certificate(ssl));
    peer_ = shared(SSL_get0_peer_certificate(ssl));
    STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl);
    peer_chain_.reset(chain ? X509_chain_up_ref(chain) : nullptr);
    psk_identity_ = psk_choice::identity_of(ssl);
    session_reused_ = SSL_session_reused(ssl) == 1;
}

std::optional<cipher_info> handshake_summary::cipher() const
{
    if (!cipher_)
        return std::nullopt;
    const char* standard = SSL_CIPHER_standard_name(cipher_);
    return cipher_info{SSL_CIPHER_get_name(cipher_), standard ? standard : "", SSL_CIPHER_get_version(cipher_)};
}

std::optional<std::vector<std::byte>> handshake_summary::finished(const SSL* ssl)
{
    return finished_message(ssl, SSL_get_finished);
}

std::optional<std::vector<std::byte>> handshake_summary::peer_finished(const SSL* ssl)
{
    return finished_message(ssl, SSL_get_peer_finished);
}

std::vector<std::byte> handshake_summary::export_keying_material(SSL* ssl, std::size_t length, std::string_view label,
                                                                 std::optional<std::span<const std::byte>> context)
{
    const error_queue_guard guard;
    std::vector<std::byte> bytes(length);
    const auto* with = context ? reinterpret_cast<const unsigned char*>(context->data()) : nullptr;
    if (SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), label.data(),
                                   label.size(), with, context ? context->size() : 0, context ? 1 : 0) != 1)
        throw setup_error("export_keying_material");
    return bytes;
}

}  // namespace coil::tls::internal
