#include <coil/tls/internal/engine_state.hpp>

#include <coil/net/address.hpp>

namespace coil::tls::internal {
namespace {

void set_server_preference(SSL* ssl, const context_state& context)
{
    if (context.honor_cipher_order.value_or(true))
        SSL_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    else
        SSL_clear_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
}

int server_verify_mode(client_certificates policy) noexcept
{
    if (!policy.request)
        return SSL_VERIFY_NONE;
    return policy.reject ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
}

/// Refuses what is only of use on the other side: whoever says it expects something that would not happen.
void check_options(tls::role role, const engine_options& options)
{
    struct rule {
        bool given;
        tls::role side;
        const char* name;
    };
    const rule rules[] = {
        {options.ask_servername, role::server, "ask_servername"},
        {options.request_cert, role::server, "request_cert"},
        {static_cast<bool>(options.sni_callback), role::server, "sni_callback"},
        {static_cast<bool>(options.check_server_identity), role::client, "check_server_identity"},
        {!options.host.empty(), role::client, "host"},
        {!options.servername.empty(), role::client, "servername"},
    };
    for (const rule& one : rules)
        if (one.given && one.side != role)
            throw argument_error("ERR_INVALID_ARG_VALUE", std::string(one.name) + " is an option of a " +
                                                              (one.side == role::server ? "server" : "client"));
    if (options.ask_servername && options.sni_callback)
        throw argument_error("ERR_INVALID_ARG_VALUE", "ask_servername and sni_callback are both given");
}

}  // namespace

engine_state::engine_state(secure_context with, tls::role as, std::shared_ptr<const engine_options> how)
    : context(std::move(with)), options(std::move(how)), role(as)
{
    if (!context)
        throw argument_error("ERR_TLS_INVALID_CONTEXT", "an engine needs a secure context, not an empty one");
    check_options(role, *options);
    const error_queue_guard guard;
    ssl.reset(SSL_new(context_state::of(context)->native()));
    if (!ssl)
        throw setup_error("OpenSSL connection");
    BIO* bio = make_bio(bytes).release();
    SSL_set_bio(ssl.get(), bio, bio);
    if (is_server())
        set_up_server();
    else
        set_up_client();
}

engine_state::~engine_state()
{
    if (!ssl)
        return;
    // Without this OpenSSL takes the end of the connection for a failure and its session for spoilt.
    if (handshake_done && !failed)
        SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    const error_queue_guard guard;
    ssl.reset();
}

engine_state& engine_state::of(const SSL* ssl) noexcept
{
    return ciphertext_of(SSL_get_rbio(ssl)).owner;
}

void engine_state::set_up_client()
{
    SSL_set_connect_state(ssl.get());
    SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
    set_groups();
    const std::string& name = options->servername;
    if (name.find('\0') != std::string::npos || name.size() > TLSEXT_MAXLEN_host_name)
        throw argument_error("ERR_INVALID_ARG_VALUE", "servername is no host name");
    if (!name.empty() && !net::is_ip(name) && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1)
        throw setup_error("servername \"" + name + "\"");
    const std::string& protocols = options->alpn_protocols.wire();
    if (!protocols.empty() && SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                                  static_cast<unsigned>(protocols.size())) != 0)
        throw setup_error("alpn_protocols");
}

void engine_state::set_up_server()
{
    SSL_set_accept_state(ssl.get());
    const context_state& from = *context_state::of(context);
    from.check(policy());
    set_server_preference(ssl.get(), from);
    SSL_set_verify(ssl.get(), server_verify_mode(policy()), nullptr);
    const context_state::session_id& id = from.session_id_context(policy());
    SSL_set_session_id_context(ssl.get(), id.data(), static_cast<unsigned>(id.size()));
}

void engine_state::set_groups()
{
    const std::string& groups = context_state::of(context)->groups;
    if (!groups.empty() && SSL_set1_groups_list(ssl.get(), groups.c_str()) != 1)
        throw setup_error("ecdh_curve");
}

void engine_state::switch_context(const secure_context& next)
{
    const context_state& to = *context_state::of(next);
    to.check(policy());
    const context_state& from = *context_state::of(context);
    if (&to == &from)
        return;
    SSL_set_SSL_CTX(ssl.get(), to.native());
    // OpenSSL brings certificates, ciphers and trust along, and leaves the rest as it was.
    SSL_clear_options(ssl.get(), SSL_CTX_get_options(from.native()));
    SSL_set_options(ssl.get(), SSL_CTX_get_options(to.native()));
    SSL_set_min_proto_version(ssl.get(), static_cast<int>(SSL_CTX_get_min_proto_version(to.native())));
    SSL_set_max_proto_version(ssl.get(), static_cast<int>(SSL_CTX_get_max_proto_version(to.native())));
    SSL_set_num_tickets(ssl.get(), SSL_CTX_get_num_tickets(to.native()));
    context = next;
    set_server_preference(ssl.get(), to);
    SSL_set_verify(ssl.get(), server_verify_mode(policy()), nullptr);
    const context_state::session_id& id = to.session_id_context(policy());
    SSL_set_session_id_context(ssl.get(), id.data(), static_cast<unsigned>(id.size()));
}

tls::phase engine_state::phase() const noexcept
{
    if (!handshake_done)
        return phase::handshake;
    return ended ? phase::closed : phase::established;
}

status engine_state::report(std::error_code error)
{
    failure = std::make_unique<tls::error_info>();
    failure->error = error;
    failure->code = error_name(error);
    failure->message = error.message();
    failure->phase = phase();
    return status::error;
}

status engine_state::fail(std::error_code error)
{
    return fail(error, error_name(error), error.message());
}

status engine_state::fail(std::error_code error, std::string code, std::string message)
{
    std::vector<openssl_error> stack = take_error_stack();
    report(error);
    failed = true;
    failure->code = std::move(code);
    failure->message = std::move(message);
    failure->alert = alert;
    failure->alert_direction = alert_direction;
    failure->verify_result = verify_result;
    failure->verify_depth = verify_depth;
    failure->exception = handler_failure;
    failure->peer_certificate = refused_peer;
    if (!stack.empty()) {
        failure->library = stack.front().library;
        failure->reason = stack.front().reason;
        failure->openssl_error_stack = std::move(stack);
    }
    return status::error;
}

template <class Operation>
status engine_state::call(Operation operation)
{
    // Clearing goes through all of the queue; looking costs next to nothing.
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    const int result = operation();
    return interpret(result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl.get(), result));
}

status engine_state::interpret(int outcome)
{
    if (attack) {
        ERR_clear_error();  // how OpenSSL took it is not the cause
        return fail(*attack);
    }
    if (renegotiated && finish_renegotiation() != status::done)
        return status::error;
    switch (outcome) {
    case SSL_ERROR_NONE: return status::done;
    case SSL_ERROR_WANT_READ: return input_ended && !bytes.has_input() ? end_of_transport() : status::want_input;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: return status::want_answer;
    case SSL_ERROR_ZERO_RETURN: return status::closed;
    default: return take_openssl_failure();
    }
}

status engine_state::end_of_transport()
{
    if (!handshake_done)
        return interrupted();
    // A record that was cut in two is never an orderly end.
    if (options->allow_truncation && SSL_has_pending(ssl.get()) == 0)
        return status::closed;
    return report(errc::truncated);
}

/// The transport ended before the handshake did.
status engine_state::interrupted()
{
    return fail(errc::handshake_interrupted, "ECONNRESET",
                is_server() ? "socket hang up"
                            : "Client network socket disconnected before secure TLS connection was established");
}

status engine_state::take_openssl_failure()
{
    if (handler_failure)
        return fail(errc::handler_failed);
    const unsigned long packed = ERR_peek_error();
    if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        if (verify_result != X509_V_OK)
            return fail({verify_result, verify_category()});
        if (wrong_identity) {
            const bool own = wrong_identity->code == "ERR_TLS_CERT_ALTNAME_INVALID";
            fail(errc::cert_altname_invalid, wrong_identity->code,
                 (own ? "Hostname/IP does not match certificate's altnames: " : "") + wrong_identity->reason);
            failure->reason = wrong_identity->reason;
            return status::error;
        }
    }
    if (packed == 0)
        return fail(std::make_error_code(std::errc::protocol_error), "EPROTO", "OpenSSL failed without a reason");
    if (!alert && ERR_GET_LIB(packed) == ERR_LIB_SSL && ERR_GET_REASON(packed) > SSL_AD_REASON_OFFSET) {
        alert = static_cast<std::uint8_t>(ERR_GET_REASON(packed) - SSL_AD_REASON_OFFSET);
        alert_direction = alert_direction::received;
    }
    return fail({static_cast<int>(packed), openssl_category()});
}

/// What `attack` is to be if the peer asks for another handshake now; nothing if it may.
std::optional<tls::errc> engine_state::refuse_renegotiation() noexcept
{
    if (renegotiation_disabled)
        return errc::renegotiation_disabled;
    if (!is_server())
        return std::nullopt;
    const settings limits = defaults();
    const auto now = std::chrono::steady_clock::now();
    if (now - last_handshake >= limits.client_reneg_window)
        renegotiations = 0;
    last_handshake = now;
    if (++renegotiations > limits.client_reneg_limit)
        return errc::session_attack;
    return std::nullopt;
}

void engine_state::message_arrived(unsigned char type) noexcept
{
    if (attack)
        return;
    ++messages_in_step;
    const bool has_renegotiation = SSL_version(ssl.get()) < TLS1_3_VERSION;
    const bool greets = has_renegotiation && type == (is_server() ? SSL3_MT_CLIENT_HELLO : SSL3_MT_HELLO_REQUEST);
    if (greets)
        attack = refuse_renegotiation();
    // The messages of a renegotiation have an order and an end; a server limits how many there are of those.
    const bool counts = has_renegotiation ? type == SSL3_MT_HELLO_REQUEST : true;
    if (!attack && counts && ++messages_without_data > most_messages)
        attack = errc::too_many_messages;
    if (!attack)
        return;
    bytes.input.clear();
    bytes.lent = {};
    // A client in the middle of a handshake skips further requests for one and answers nothing.
    if (has_renegotiation && (is_server() || SSL_get_state(ssl.get()) == TLS_ST_CR_HELLO_REQ)) {
        SSL_set_options(ssl.get(), SSL_OP_NO_RENEGOTIATION);  // OpenSSL answers with the alert that is meant for this
        return;
    }
    // OpenSSL has no function that sends an alert. It sends "unexpected message" to who sends a record in clear text.
    constexpr std::array<std::uint8_t, 6> forbidden{SSL3_RT_HANDSHAKE, 3, 3, 0, 1, 0};
    try {
        bytes.input.append(std::as_bytes(std::span(forbidden)));
    } catch (const std::bad_alloc&) {
        return;  // it ends without an alert
    }
}

/// What the handshake that is over says about the peer.
status engine_state::judge_peer()
{
    const bool has_peer = SSL_get0_peer_certificate(ssl.get()) != nullptr;
    if (SSL_session_reused(ssl.get()) == 1)
        verify_result = static_cast<int>(SSL_get_verify_result(ssl.get()));
    // Nobody verified a peer that has no certificate: a client that allows anonymous ciphers, or a server that lets
    // clients in without one.
    if (!has_peer && verifies_peer()) {
        verify_result = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
        verify_depth = -1;
        wrong_identity.reset();
    }
    if (options->reject_unauthorized && verifies_peer() && verify_result != X509_V_OK)
        return fail({verify_result, verify_category()});
    return status::done;
}

status engine_state::finish_handshake()
{
    const status verdict = judge_peer();
    handshake_done = verdict == status::done;
    return verdict;
}

status engine_state::finish_renegotiation()
{
    renegotiated = false;
    return judge_peer();
}

/// `SSL_write` would take the messages of a renegotiation itself and, unlike reading, would not bear data among them.
status engine_state::wait_for_renegotiation()
{
    std::byte next{};
    std::size_t size = 0;
    const status step = call([&] { return SSL_peek_ex(ssl.get(), &next, 1, &size); });
    if (step == status::closed)
        return interrupted();
    if (step == status::error)
        return step;
    return SSL_in_init(ssl.get()) ? status::want_input : status::done;
}

status engine_state::handshake()
{
    if (failed)
        return status::error;
    if (handshake_done)
        return status::done;
    if (question != question::none)
        return status::want_answer;
    const status step = call([this] { return SSL_do_handshake(ssl.get()); });
    if (step == status::closed)
        return interrupted();
    return step == status::done ? finish_handshake() : step;
}

/// Whether OpenSSL could only say that it needs input. To find that out by itself it makes and frees a read buffer.
bool engine_state::nothing_to_read() const noexcept
{
    return !bytes.has_input() && !input_ended && SSL_has_pending(ssl.get()) == 0 && !SSL_in_init(ssl.get()) &&
           !peer_ended();
}

bool engine_state::peer_ended() const noexcept
{
    return (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

progress engine_state::read(std::span<std::byte> buffer)
{
    if (const status ready = handshake(); ready != status::done)
        return {ready, 0};
    messages_in_step = 0;
    if (nothing_to_read())
        return {status::want_input, 0};
    std::size_t total = 0;
    while (total < buffer.size()) {
        std::size_t moved = 0;
        const status step =
            call([&] { return SSL_read_ex(ssl.get(), buffer.data() + total, buffer.size() - total, &moved); });
        total += moved;
        if (step != status::done)
            return total ? progress{status::done, total} : progress{step, 0};
        messages_without_data = 0;
        if ((!bytes.has_input() && SSL_pending(ssl.get()) == 0) || messages_in_step >= most_messages)
            break;
    }
    return {status::done, total};
}

progress engine_state::write(std::span<const std::byte> plaintext)
{
    if (failed)
        return {status::error, 0};
    if (ended)
        return {report(coil::errc::write_after_end), 0};
    if (const status ready = handshake(); ready != status::done)
        return {ready, 0};
    std::size_t total = 0;
    while (total < plaintext.size()) {
        if (SSL_in_init(ssl.get()))
            if (const status over = wait_for_renegotiation(); over != status::done)
                return {over, total};
        std::size_t moved = 0;
        const status step =
            call([&] { return SSL_write_ex(ssl.get(), plaintext.data() + total, plaintext.size() - total, &moved); });
        if (step != status::done)
            return {step, total};
        total += moved;
    }
    return {status::done, total};
}

status engine_state::shutdown()
{
    if (failed)
        return status::error;
    if (ended)
        return status::done;
    if (handshake_done) {
        // There is no orderly end in the middle of a renegotiation; it comes once that is over.
        if (SSL_in_init(ssl.get()))
            return status::want_input;
        const status step = call([this] { return SSL_shutdown(ssl.get()) < 0 ? -1 : 1; });
        if (step != status::done)
            return step;
    }
    ended = true;
    return status::done;
}

}  // namespace coil::tls::internal
