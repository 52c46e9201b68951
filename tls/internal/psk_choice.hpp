#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/psk.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls::internal {

class engine_state;

/// Which key that both sides have before they meet is used, if any. RFC 4279, RFC 8446 §4.2.11.
///
/// A server decides on the keys of TLS 1.3 together with the context: the key says which suites may be chosen, and OpenSSL
/// chooses one before it looks at keys.
class psk_choice {
public:
    psk_choice() = default;
    psk_choice(const psk_choice&) = delete;
    psk_choice& operator=(const psk_choice&) = delete;
    ~psk_choice() { forget(); }

    /// Throws: `tls::error` for a hint that cannot be sent.
    static void check_hint(const std::string& hint);
    /// Makes OpenSSL ask about keys on this connection.
    /// @param hint  of a server, which is told to clients before TLS 1.3; empty: none.
    void install(SSL* ssl, bool is_server, const std::string& hint);
    /// Server, of the ClientHello at hand: asks about the names in it. @return false where the program refuses the client.
    bool look_up_offered(engine_state& engine, const std::string& servername);
    /// The handshake is over: wipes what was answered.
    void forget() noexcept;

    /// The name of the key with which the connection at hand, or the session that it resumes, was authenticated; null for
    /// none.
    static std::unique_ptr<const std::string> identity_of(SSL* ssl);

private:
    /// What the program said of a name.
    struct known_key {
        std::string identity;
        psk_key key;
    };
    /// What is only there where somebody uses keys.
    struct answers {
        std::optional<known_key> known;        // server
        std::optional<psk_identity> proposed;  // client; none: it has none
    };

    static int on_find_session(SSL* ssl, const unsigned char* identity, std::size_t size, SSL_SESSION** found) noexcept;
    static unsigned on_server_key(SSL* ssl, const char* identity, unsigned char* key, unsigned room) noexcept;
    static int on_use_session(SSL* ssl, const EVP_MD* hash, const unsigned char** identity, std::size_t* size,
                              SSL_SESSION** proposed) noexcept;
    static unsigned on_client_key(SSL* ssl, const char* hint, char* identity, unsigned identity_room,
                                  unsigned char* key, unsigned room) noexcept;

    SSL_CTX* start_ =
        nullptr;  // server: the context of the beginning, whose ticket keys count even if another is chosen
    std::unique_ptr<answers> answers_;  // null: nothing was asked
};

}  // namespace coil::tls::internal
