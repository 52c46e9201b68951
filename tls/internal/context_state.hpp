#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/secure_context.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace coil::tls::internal {

/// How a server treats client certificates; sessions made under one policy are not resumed under another.
struct client_certificates {
    bool request = false;
    bool reject = true;
};

/// What a `secure_context` stands for.
class context_state {
public:
    using session_id = std::array<unsigned char, 32>;

    explicit context_state(ssl_ctx_ptr native) noexcept : native_(std::move(native)) {}

    static secure_context make_handle(std::shared_ptr<const context_state> state) noexcept
    {
        return secure_context(std::move(state));
    }
    /// Null for an empty handle.
    static const context_state* of(const secure_context& context) noexcept { return context.state_.get(); }

    /// OpenSSL's object; shared between threads and not changed any more.
    SSL_CTX* native() const noexcept { return native_.get(); }

    /// What keeps apart the sessions of different applications, trust and policies.
    const session_id& session_id_context(client_certificates policy) const noexcept
    {
        return session_ids_[(policy.request ? 1u : 0u) + (policy.request && policy.reject ? 1u : 0u)];
    }
    void set_session_ids(std::string_view session_id_context, const pem& ca, const pem& crl);

    /// Throws: `tls::error` ERR_INVALID_ARG_VALUE if a server with this policy could not make a single handshake.
    void check(client_certificates policy) const;

    /// Gives a connection the certificates and keys of this context, in place of its own.
    /// Throws: `tls::error`.
    void lend_identities(SSL* ssl) const;
    /// To be called once they are all there.
    void collect_identities();

    /// The list of groups that is in force; empty for OpenSSL's own. It is set on each connection once its context is known,
    /// because a connection that has a list cannot be given OpenSSL's own again.
    std::string groups;
    /// A key is elsewhere, so that a handshake may wait for a signature.
    bool signs_elsewhere = false;
    /// Not given: a server's order counts, as Node's servers have it.
    std::optional<bool> honor_cipher_order;

private:
    /// A certificate with its key and the issuers that are sent with it; they belong to the context.
    struct identity {
        X509* certificate;
        EVP_PKEY* key;
        STACK_OF(X509) * chain;
    };

    ssl_ctx_ptr native_;
    std::vector<identity> identities_;
    std::array<session_id, 3> session_ids_{};
};

}  // namespace coil::tls::internal
