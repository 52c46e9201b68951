#include <coil/tls/internal/questions.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>

namespace coil::tls::internal {
namespace {

/// The host name in the server_name extension of the ClientHello at hand; empty if there is none. RFC 6066 §3.
std::string_view requested_name(SSL* ssl) noexcept
{
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1)
        return {};
    // A list length, then one entry: its type, its length, the name.
    constexpr std::size_t header = 5;
    if (size <= header || data[2] != TLSEXT_NAMETYPE_host_name)
        return {};
    const std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
    const std::string_view name(reinterpret_cast<const char*>(data) + header, size - header);
    if (length != name.size() || length > TLSEXT_MAXLEN_host_name || name.find('\0') != std::string_view::npos)
        return {};
    return name;
}

/// Chooses the context for the server name. @return whether the answer is there.
bool choose_context(engine_state& engine)
{
    const engine_options& options = *engine.options;
    if (engine.servername.empty())
        return true;
    if (!engine.answered) {
        if (options.ask_servername) {
            engine.question = question::servername;
            return false;
        }
        if (options.sni_callback)
            engine.answer = options.sni_callback(engine.servername);
        engine.answered = true;
    }
    if (engine.answer) {
        engine.servername_used = true;
        engine.switch_context(std::exchange(engine.answer, {}));
    }
    return true;
}

/// The first look at a ClientHello, before OpenSSL decides anything.
int on_client_hello(SSL* ssl, int* alert, void* /*argument*/) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    try {
        if (engine.handshake_done)
            return SSL_CLIENT_HELLO_SUCCESS;
        if (!engine.servername_seen) {
            engine.servername_seen = true;
            engine.last_handshake = std::chrono::steady_clock::now();
            engine.servername = requested_name(ssl);
        }
        if (!engine.handler_failure && choose_context(engine) && !engine.abandoned) {
            engine.set_groups();
            return SSL_CLIENT_HELLO_SUCCESS;
        }
    } catch (...) {
        engine.handler_failure = std::current_exception();
    }
    if (!engine.handler_failure && !engine.abandoned)
        return SSL_CLIENT_HELLO_RETRY;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/// Whether the client is told that its server name was used.
int on_servername(SSL* ssl, int* /*alert*/, void* /*argument*/) noexcept
{
    return engine_state::of(ssl).servername_used ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
            unsigned offered_size, void* /*argument*/) noexcept
{
    const std::string& own = engine_state::of(ssl).options->alpn_protocols.wire();
    if (own.empty())
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char* found = nullptr;
    // What is found lies in our list or in the client's; both outlive the handshake.
    const int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(own.data()),
                                              static_cast<unsigned>(own.size()), offered, offered_size);
    if (outcome != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/// Goes on after each thing that is wrong with a chain and remembers the last, whose name is what Node reports.
int on_chain_step(int good, X509_STORE_CTX* chain) noexcept
{
    if (good)
        return 1;
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    engine_state& engine = engine_state::of(ssl);
    engine.verify_result = X509_STORE_CTX_get_error(chain);
    engine.verify_depth = static_cast<std::int16_t>(X509_STORE_CTX_get_error_depth(chain));
    return 1;
}

void check_identity(engine_state& engine, X509_STORE_CTX* chain)
{
    const engine_options& options = *engine.options;
    const std::string& given = options.servername.empty() ? options.host : options.servername;
    const std::string_view host = given.empty() ? std::string_view("localhost") : std::string_view(given);
    X509* leaf = X509_STORE_CTX_get0_cert(chain);
    std::optional<identity_error> mismatch =
        options.check_server_identity
            ? options.check_server_identity(host,
                                            read_certificate_chain(leaf, X509_STORE_CTX_get0_chain(chain), nullptr))
            : check_server_identity(host, read_names(leaf));
    if (mismatch)
        engine.wrong_identity = std::make_unique<identity_error>(std::move(*mismatch));
}

/// Keeps the certificates of a peer that is refused: OpenSSL forgets them, and whoever looks for the cause needs them.
void keep_refused(engine_state& engine, X509_STORE_CTX* chain) noexcept
try {
    X509* leaf = X509_STORE_CTX_get0_cert(chain);
    engine.refused_peer = std::make_shared<const certificate>(
        read_certificate_chain(leaf, X509_STORE_CTX_get0_untrusted(chain), X509_STORE_CTX_get0_store(chain)));
} catch (...) {
    engine.refused_peer.reset();  // the refusal stands without them
}

/// Verifies the peer: the chain, and on a client that it belongs to the host. @return 0 to refuse the peer.
int on_verify(X509_STORE_CTX* chain, void* /*argument*/) noexcept
{
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    engine_state& engine = engine_state::of(ssl);
    engine.verify_result = X509_V_OK;
    engine.verify_depth = -1;
    engine.wrong_identity.reset();
    X509_STORE_CTX_set_verify_cb(chain, on_chain_step);
    // What verification leaves in the error queue is no failure of the connection.
    ERR_set_mark();
    const bool completed = X509_verify_cert(chain) > 0;
    ERR_pop_to_mark();
    if (!completed && engine.verify_result == X509_V_OK) {
        const int reason = X509_STORE_CTX_get_error(chain);
        engine.verify_result = reason == X509_V_OK ? X509_V_ERR_UNSPECIFIED : reason;
    }
    X509_STORE_CTX_set_error(chain, engine.verify_result);
    try {
        if (engine.verify_result == X509_V_OK && !engine.is_server())
            check_identity(engine, chain);
    } catch (...) {
        engine.handler_failure = std::current_exception();
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    // The session remembers it too, so that a resumption cannot turn it into success.
    if (engine.wrong_identity)
        X509_STORE_CTX_set_error(chain, X509_V_ERR_HOSTNAME_MISMATCH);
    const bool good = engine.verify_result == X509_V_OK && !engine.wrong_identity;
    if (engine.abandoned)
        return 0;
    if (good || !engine.options->reject_unauthorized)
        return 1;
    keep_refused(engine, chain);
    return 0;
}

void on_info(const SSL* ssl, int where, int value) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    if (where & SSL_CB_ALERT) {
        constexpr int fatal = 2;
        const bool farewell = engine.attack && (where & SSL_CB_WRITE);  // no_renegotiation is a warning by definition
        if (value >> 8 != fatal && !farewell)
            return;
        engine.alert = static_cast<std::uint8_t>(value & 0xff);
        engine.alert_direction = where & SSL_CB_READ ? alert_direction::received : alert_direction::sent;
        engine.bytes.muted = engine.bytes.muted || farewell;
    } else if (where & SSL_CB_HANDSHAKE_DONE) {
        engine.renegotiated = engine.handshake_done && SSL_version(ssl) < TLS1_3_VERSION;
    }
}

/// Every record and every message, each before OpenSSL acts on it.
void on_message(int written, int /*version*/, int kind, const void* bytes, std::size_t size, SSL* ssl,
                void* /*argument*/) noexcept
{
    if (kind != SSL3_RT_HANDSHAKE || written != 0 || size == 0)
        return;
    engine_state& engine = engine_state::of(ssl);
    if (engine.handshake_done)
        engine.message_arrived(*static_cast<const unsigned char*>(bytes));
}

}  // namespace

void install_questions(SSL_CTX* context)
{
    SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, on_servername);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, nullptr);
    SSL_CTX_set_cert_verify_callback(context, on_verify, nullptr);
    SSL_CTX_set_info_callback(context, on_info);
    SSL_CTX_set_msg_callback(context, on_message);
}

}  // namespace coil::tls::internal
