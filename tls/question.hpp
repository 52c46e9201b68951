#pragma once

#include <coil/tls/alpn_protocol_list.hpp>
#include <coil/tls/certificate.hpp>
#include <coil/tls/client_certificate_request.hpp>
#include <coil/tls/ocsp.hpp>
#include <coil/tls/psk.hpp>
#include <coil/tls/secure_context.hpp>
#include <coil/tls/server_identity.hpp>
#include <coil/tls/signature.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace coil::tls {

/// What a client says first, before anything is decided. Numbers are those of IANA's registries, in the client's order; they
/// may hold values that mean nothing, which clients send so that servers learn to skip them.
/// RFC 8446 §4.1.2.
struct client_hello {
    std::vector<std::string> alpn_protocols;  ///< RFC 7301.
    std::vector<std::uint16_t> cipher_suites;
    std::vector<std::uint16_t> groups;                ///< RFC 8446 §4.2.7.
    std::string servername;                           ///< Empty where the client named none. RFC 6066 §3.
    std::vector<std::uint16_t> signature_algorithms;  ///< RFC 8446 §4.2.3.
    std::vector<std::uint16_t> versions;              ///< 0x0304 is TLS 1.3.
};

/// What is to decide about a connection, in place of what its server has.
struct sni_settings {
    /// Not given: the server's list or its `alpn_callback`. An empty list: no protocol is agreed on.
    std::optional<alpn_protocol_list> alpn_protocols = {};
    std::optional<bool> reject_unauthorized = {};
    std::optional<bool> request_cert = {};
    /// Everything of it counts: certificates, trust, versions, ciphers, groups. Empty: the server's own.
    tls::secure_context secure_context = {};
};

/// What answers a ClientHello: a context, settings, or nothing, for which the server's own count.
/// Node: the second argument of SNICallback's callback.
class sni_answer {
public:
    sni_answer() = default;
    sni_answer(std::nullopt_t) {}
    sni_answer(tls::secure_context context) { settings_.secure_context = std::move(context); }
    sni_answer(const std::optional<tls::secure_context>& context) : sni_answer(context.value_or(tls::secure_context()))
    {
    }
    sni_answer(sni_settings settings) : settings_(std::move(settings)) {}
    /// No such name here: the alert unrecognized_name, or access_denied where the client named none.
    static sni_answer refuse()
    {
        sni_answer made;
        made.refuses_ = true;
        return made;
    }

    const sni_settings& settings() const noexcept { return settings_; }
    bool refuses() const noexcept { return refuses_; }

private:
    sni_settings settings_;
    bool refuses_ = false;
};

/// What a client offers to speak over the connection.
/// Node: the argument of ALPNCallback.
struct alpn_request {
    std::vector<std::string> protocols;  ///< In falling preference; never empty.
    std::string servername;              ///< Empty where the client named none.
};

/// A protocol and what else goes with it.
struct alpn_settings {
    /// Certificates and keys to use for this connection in place of those of its context. Node: setKeyCert.
    secure_context key_cert = {};
    std::string protocol = {};
};

/// What answers an `alpn_request`: one of the protocols offered, or nothing, which refuses the client with the alert
/// no_application_protocol.
/// Node: what ALPNCallback returns.
class alpn_answer {
public:
    alpn_answer(std::nullopt_t) {}
    alpn_answer(alpn_settings settings) : settings_(std::move(settings)) {}
    template <class Text>
        requires std::convertible_to<Text, std::string_view>
    alpn_answer(const Text& protocol) : alpn_answer(alpn_settings{.protocol = std::string(std::string_view(protocol))})
    {
    }
    alpn_answer(const std::optional<std::string>& protocol)
    {
        if (protocol)
            settings_.protocol = *protocol;
    }

    const alpn_settings& settings() const noexcept { return settings_; }

private:
    alpn_settings settings_;
};

/// Whether a server whose chain is verified is the one that was meant; answered in place of `check_server_identity`.
/// Node: the arguments of checkServerIdentity.
struct server_identity_request {
    certificate cert;  ///< With its issuers.
    std::string host;
};

/// What was found out about a peer's certificate, for a last word on it.
struct peer_verification {
    certificate cert;  ///< With its issuers, as far as they are known.
    /// Why the chain is not verified, of `verify_category()`; none if it is.
    std::error_code error;
    /// Client: whom it was to belong to.
    std::string host;
    /// Client: why it does not.
    std::optional<identity_error> wrong_identity;

    /// Whether the peer is authorized if nobody objects.
    bool verified() const noexcept { return !error && !wrong_identity; }
};

/// The last word on a peer's certificate.
class verdict {
public:
    /// Nothing to add: what was found out counts.
    static verdict unchanged() { return verdict(); }
    /// The peer is authorized, whatever was found out.
    static verdict accept() { return verdict(true, {}); }
    /// The peer is not authorized. @param code  for `authorization_error` and the error's code. @param reason  for people.
    static verdict refuse(std::string code, std::string reason)
    {
        return verdict(false, identity_error{std::move(code), std::move(reason), {}});
    }

    bool accepts() const noexcept { return accepts_; }
    const std::optional<identity_error>& objection() const noexcept { return objection_; }

private:
    verdict() = default;
    verdict(bool accepts, std::optional<identity_error> objection) : accepts_(accepts), objection_(std::move(objection))
    {
    }

    bool accepts_ = false;
    std::optional<identity_error> objection_;
};

/// What a handshake waits to be told; `std::monostate` where it waits for nothing of the kind.
using question = std::variant<std::monostate, client_hello, alpn_request, server_identity_request, peer_verification,
                              certificate_status_request, stapled_response, psk_request, psk_identity_request,
                              signature_request, client_certificate_request>;

namespace internal {

/// What answers a question, in the order of the questions.
using any_answer =
    std::variant<std::monostate, sni_answer, alpn_answer, std::optional<identity_error>, verdict, staple_answer,
                 ocsp_verdict, std::optional<psk_identity>, std::optional<psk_key>, signature, client_certificate>;

}  // namespace internal

/// Which questions a handshake stops for; the others it answers by what its options and its context say.
struct question_set {
    /// Server: `alpn_request`, where the client offers protocols. Asked as soon as the ClientHello has been answered.
    bool alpn = false;
    /// Server: `certificate_status_request`, where the client wants a stapled response. Not where a session is resumed.
    bool certificate_status = false;
    /// Client: `client_certificate_request`, where the server asks for a certificate.
    bool client_certificate = false;
    /// Server: every first ClientHello of a connection.
    bool client_hello = false;
    /// Once a chain has come and was looked at, on a client also for whom it is. Not where a session is resumed.
    bool peer_verification = false;
    /// Client: `psk_request`, before its ClientHello and where a suite needs a key. Server: `psk_identity_request`, for the
    /// names in a ClientHello or, before TLS 1.3, for that which the client chose.
    bool psk = false;
    /// Client: once the server's chain is verified.
    bool server_identity = false;
    /// Client: `stapled_response`, with `request_ocsp` or `verify_ocsp`: what the server stapled, or that it did not. Not where
    /// a session is resumed.
    bool stapled_response = false;

    bool operator==(const question_set&) const noexcept = default;
};

}  // namespace coil::tls
