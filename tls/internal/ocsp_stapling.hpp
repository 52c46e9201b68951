#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/ocsp.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace coil::tls::internal {

class engine_state;

/// The OCSP response that a server staples to its certificate, and what a client makes of it. RFC 6066 §8.
class ocsp_stapling {
public:
    /// What a client has against a staple, or against there being none.
    struct objection {
        std::error_code error;
        std::string code;
        std::string reason;
        std::shared_ptr<const certificate> peer;
    };

    static void install(SSL_CTX* context) noexcept;

    /// Client: has the ClientHello ask, if the options want that.
    static void request(const engine_state& engine);
    /// Why a client ended the handshake; null where that was not the staple.
    const objection* refused() const noexcept { return refused_.get(); }
    /// A handshake is over: lets go of what will not be looked at again.
    void release(SSL* ssl) noexcept;

private:
    static int on_status(SSL* ssl, void* argument) noexcept;
    int staple(engine_state& engine);
    bool judge(engine_state& engine);
    bool hear_program(engine_state& engine, stapled_response about);

    x509_ptr asked_about_;  // server: its answer is with OpenSSL
    std::unique_ptr<objection> refused_;
};

}  // namespace coil::tls::internal
