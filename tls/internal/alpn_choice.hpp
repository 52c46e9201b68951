#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/question.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace coil::tls::internal {

class engine_state;

/// Which protocol a server chooses among those that a client offers. RFC 7301.
///
/// It is decided together with the context, before OpenSSL chooses a certificate, so that one can be chosen by protocol too.
class alpn_choice {
public:
    static void install(SSL_CTX* context) noexcept;

    /// In place of the list in the engine's options.
    void use_list(alpn_protocol_list list);
    /// Asks where that is wanted. @param offered  as on the wire. @return false where the program refuses the client.
    bool decide(engine_state& engine, std::string_view offered, const std::string& servername);

private:
    struct decision {
        alpn_protocol_list list;
        bool asked =
            false;  // the list has what the program answered: one protocol, or none at all to refuse the client
    };

    static int on_select(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                         unsigned offered_size, void* argument) noexcept;
    bool ask(engine_state& engine, alpn_request request);

    std::unique_ptr<decision> decision_;  // null: the engine's options decide
};

}  // namespace coil::tls::internal
