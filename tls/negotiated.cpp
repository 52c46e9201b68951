#include <coil/tls/negotiated.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>

#include <cstdint>

namespace coil::tls {

bool negotiated::authorized() const noexcept
{
    const internal::engine_state* const of = observed();
    return of && of->handshake_done && of->verifies_peer() && of->peer.passed();
}

std::optional<std::string> negotiated::authorization_error() const
{
    const internal::engine_state* const of = observed();
    return of && of->verifies_peer() ? of->peer.error_name() : std::nullopt;
}

std::optional<std::string_view> negotiated::alpn_protocol() const noexcept
{
    const internal::engine_state* const of = observed();
    if (!of || of->summary.alpn_protocol().empty())
        return std::nullopt;
    return of->summary.alpn_protocol();
}

std::optional<std::string_view> negotiated::servername() const noexcept
{
    const internal::engine_state* const of = observed();
    const std::string_view name = of ? of->sent_name() : std::string_view();
    if (name.empty())
        return std::nullopt;
    return name;
}

std::optional<std::string_view> negotiated::get_protocol() const noexcept
{
    const internal::engine_state* const of = observed();
    if (!of || of->closed)
        return std::nullopt;
    return of->summary.protocol();
}

std::optional<cipher_info> negotiated::get_cipher() const
{
    const internal::engine_state* const of = observed();
    return of ? of->summary.cipher() : std::nullopt;
}

std::optional<certificate> negotiated::get_peer_certificate(bool detailed) const
{
    const internal::engine_state* const of = observed();
    if (!of)
        return std::nullopt;
    if (X509* const peer = of->summary.peer_certificate()) {
        if (!detailed)
            return internal::read_certificate(peer);
        return internal::read_certificate_chain(peer, of->summary.peer_chain(), of->trusted());
    }
    if (!of->peer.refused_peer())
        return std::nullopt;
    certificate refused = *of->peer.refused_peer();
    if (!detailed)
        refused.issuer_certificate.reset();
    return refused;
}

std::optional<certificate> negotiated::get_certificate() const
{
    const internal::engine_state* const of = observed();
    X509* const own = of ? of->own_certificate() : nullptr;
    if (!own)
        return std::nullopt;
    return internal::read_certificate(own);
}

std::optional<std::string> negotiated::psk_identity() const
{
    const internal::engine_state* const of = observed();
    if (!of || !of->summary.psk_identity())
        return std::nullopt;
    return *of->summary.psk_identity();
}

bool negotiated::is_session_reused() const noexcept
{
    const internal::engine_state* const of = observed();
    return of && of->summary.session_reused();
}

std::optional<std::vector<std::byte>> negotiated::get_finished() const
{
    const internal::engine_state* const of = observed();
    return of ? internal::handshake_summary::finished(of->ssl.get()) : std::nullopt;
}

std::optional<std::vector<std::byte>> negotiated::get_peer_finished() const
{
    const internal::engine_state* const of = observed();
    return of ? internal::handshake_summary::peer_finished(of->ssl.get()) : std::nullopt;
}

std::vector<std::byte> negotiated::export_keying_material(std::size_t length, std::string_view label,
                                                          std::optional<std::span<const std::byte>> context) const
{
    if (length == 0 || length > UINT32_MAX)
        throw internal::argument_error("ERR_OUT_OF_RANGE", "export_keying_material: the length is out of range");
    const internal::engine_state* const of = observed();
    if (!of || !of->handshake_done)
        throw internal::argument_error("ERR_TLS_INVALID_STATE",
                                       "export_keying_material: the TLS connection is not established");
    return internal::handshake_summary::export_keying_material(of->ssl.get(), length, label, context);
}

}  // namespace coil::tls
