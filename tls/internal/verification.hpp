#pragma once

#include <coil/tls/certificate.hpp>
#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/server_identity.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coil::tls::internal {

class engine_state;

/// What was found out about the peer's certificate in the newest handshake.
class verification {
public:
    static void install(SSL_CTX* context) noexcept;

    bool passed() const noexcept { return result_ == X509_V_OK && !objection_; }
    /// Node's name of what is wrong; none if nothing is.
    std::optional<std::string> error_name() const;

    /// X509_V_ERR number.
    int result() const noexcept { return result_; }
    /// Which certificate failed; 0 is the peer's own.
    int depth() const noexcept { return depth_; }
    /// What the check of the server's identity or the program has against the peer.
    const identity_error* objection() const noexcept { return objection_.get(); }
    /// The peer's certificate with its issuers, if it was refused.
    const std::shared_ptr<const certificate>& refused_peer() const noexcept { return refused_peer_; }

    /// The peer has no certificate though one was asked for.
    void peer_has_none() noexcept;
    /// A session goes on: what was found out when it began counts.
    void take_from_session(long result) noexcept { result_ = static_cast<int>(result); }

private:
    static int on_verify(X509_STORE_CTX* chain, void* argument) noexcept;
    static int on_chain_step(int good, X509_STORE_CTX* chain) noexcept;
    void verify_chain(X509_STORE_CTX* chain) noexcept;
    bool check_identity(engine_state& engine, X509_STORE_CTX* chain);
    bool hear_program(engine_state& engine, X509_STORE_CTX* chain);
    int result_for_session() const noexcept;
    void object(std::optional<identity_error> objection);
    void keep_refused(X509_STORE_CTX* chain) noexcept;

    int result_ = X509_V_OK;
    std::int16_t depth_ = -1;
    std::unique_ptr<identity_error> objection_;
    std::shared_ptr<const certificate> refused_peer_;
};

}  // namespace coil::tls::internal
