#include <coil/tls/internal/engine_state.hpp>

#include <coil/net/address.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/tls/internal/client_certificate_choice.hpp>
#include <coil/tls/internal/engine_option_rules.hpp>

#include <system_error>

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

const context_state& state_of(const secure_context& context, const char* who)
{
    if (!context)
        throw argument_error("ERR_TLS_INVALID_CONTEXT", std::string(who) + " needs a secure context, not an empty one");
    return *context_state::of(context);
}

}  // namespace

engine_state::engine_state(secure_context with, tls::role as, std::shared_ptr<const engine_options> how)
    : context(std::move(with)),
      options(std::move(how)),
      policy{options->request_cert, options->reject_unauthorized},
      role(as)
{
    const context_state& from = state_of(context, "an engine");
    signs_elsewhere_ = from.signs_elsewhere;
    check_options(role, *options);
    const error_queue_guard guard;
    ssl.reset(SSL_new(from.native()));
    if (!ssl)
        throw setup_error("OpenSSL connection");
    BIO* bio = make_bio(bytes).release();
    SSL_set_bio(ssl.get(), bio, bio);
    if (is_server())
        set_up_server();
    else
        set_up_client();
    if (options->ask.client_certificate)
        client_certificate_choice::install(ssl.get());
    if (options->ask.psk)
        psk.install(ssl.get(), is_server(), options->psk_identity_hint);
}

engine_state::~engine_state()
{
    if (!ssl)
        return;
    finish_waiting_step();
    // Without this OpenSSL takes the end of the connection for a failure and its session for spoilt.
    if (handshake_done && !failed_)
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
    ocsp_stapling::request(*this);
}

void engine_state::set_up_server()
{
    SSL_set_accept_state(ssl.get());
    const context_state& from = *context_state::of(context);
    from.check(policy);
    set_server_preference(ssl.get(), from);
    use_policy(from);
}

void engine_state::use_policy(const context_state& from)
{
    SSL_set_verify(ssl.get(), server_verify_mode(policy), nullptr);
    const context_state::session_id& id = from.session_id_context(policy);
    SSL_set_session_id_context(ssl.get(), id.data(), static_cast<unsigned>(id.size()));
}

void engine_state::set_groups()
{
    const std::string& groups = context_state::of(context)->groups;
    if (!groups.empty() && SSL_set1_groups_list(ssl.get(), groups.c_str()) != 1)
        throw setup_error("ecdh_curve");
}

void engine_state::apply(const sni_settings& chosen)
{
    if (chosen.alpn_protocols)
        alpn.use_list(*chosen.alpn_protocols);
    policy.request = chosen.request_cert.value_or(policy.request);
    policy.reject = chosen.reject_unauthorized.value_or(policy.reject);
    switch_context(chosen.secure_context ? chosen.secure_context : context);
}

void engine_state::switch_context(const secure_context& next)
{
    const context_state& to = *context_state::of(next);
    to.check(policy);
    const context_state& from = *context_state::of(context);
    if (&to != &from) {
        SSL_set_SSL_CTX(ssl.get(), to.native());
        // OpenSSL brings certificates, ciphers and trust along, and leaves the rest as it was.
        SSL_clear_options(ssl.get(), SSL_CTX_get_options(from.native()));
        SSL_set_options(ssl.get(), SSL_CTX_get_options(to.native()));
        SSL_set_min_proto_version(ssl.get(), static_cast<int>(SSL_CTX_get_min_proto_version(to.native())));
        SSL_set_max_proto_version(ssl.get(), static_cast<int>(SSL_CTX_get_max_proto_version(to.native())));
        SSL_set_num_tickets(ssl.get(), SSL_CTX_get_num_tickets(to.native()));
        context = next;
        signs_elsewhere_ = signs_elsewhere_ || to.signs_elsewhere;
        set_server_preference(ssl.get(), to);
    }
    use_policy(to);
}

void engine_state::use_identities_of(const secure_context& from)
{
    const context_state& lender = state_of(from, "key_cert");
    lender.lend_identities(ssl.get());
    signs_elsewhere_ = signs_elsewhere_ || lender.signs_elsewhere;
}

void engine_state::set_key_cert(const secure_context& from)
{
    if (!is_server())
        throw argument_error("ERR_INVALID_ARG_VALUE", "set_key_cert is for a server's side of a connection");
    if (server_name.decided() || failed_)
        throw argument_error("ERR_TLS_INVALID_STATE", "set_key_cert comes too late: the ClientHello has been answered");
    const error_queue_guard guard;
    use_identities_of(from);
}

std::string_view engine_state::sent_name() const noexcept
{
    if (is_server())
        return server_name.name();
    return net::is_ip(options->servername) ? std::string_view() : options->servername;
}

X509* engine_state::own_certificate() const noexcept
{
    return handshake_done ? summary.own_certificate() : SSL_get_certificate(ssl.get());
}

X509_STORE* engine_state::trusted() const noexcept
{
    return SSL_CTX_get_cert_store(context_state::of(context)->native());
}

const tls::question& engine_state::asked() const noexcept
{
    static const tls::question none;
    return waits_for_answer() ? question_->asked : none;
}

bool engine_state::waits_for_answer() const noexcept
{
    return question_ && question_->given.index() == 0 && !refusal_;
}

void engine_state::answer(any_answer given)
{
    if (given.index() == 0 || given.index() != asked().index())
        throw argument_error("ERR_TLS_INVALID_STATE", "a TLS engine is given an answer that it did not ask for");
    question_->given = std::move(given);
}

void engine_state::refuse_with(std::error_code why) noexcept
{
    if (!refusal_)
        refusal_ = why;
}

void engine_state::refuse_for(std::exception_ptr thrown) noexcept
{
    if (refusal_)
        return;
    refusal_ = errc::handler_failed;
    thrown_ = std::move(thrown);
}

/// Whether a step that comes next may ask something. What is asked only in a first ClientHello is not asked any more then.
bool engine_state::can_ask() const noexcept
{
    const question_set& questions = options->ask;
    const bool about_peer = questions.peer_verification || questions.server_identity || questions.stapled_response;
    if (handshake_done)
        return (about_peer || questions.client_certificate || questions.psk || signs_elsewhere_) &&
               SSL_version(ssl.get()) < TLS1_3_VERSION;  // it may renegotiate
    return signs_elsewhere_ || questions != question_set();
}

bool engine_state::wait_for_answer(open_question& here)
{
    if (!refusal_ && !(stack_ && stack_->runs()))
        coil::internal::stop_program("a TLS engine asks in a step that cannot wait");
    if (refusal_)
        return false;
    question_ = &here;
    stack_->wait();
    question_ = nullptr;
    return !refusal_;
}

/// Lets OpenSSL come to the end of a step that waits, which it would otherwise never unwind.
void engine_state::finish_waiting_step() noexcept
{
    if (!stack_ || !stack_->waits())
        return;
    refuse_with(coil::errc::destroyed);
    stack_->run(nullptr);
}

template <class Operation>
int engine_state::call(Operation operation) noexcept
{
    // Clearing goes through all of the queue; looking costs next to nothing.
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    const int result = operation();
    return result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl.get(), result);
}

template <class Operation>
status engine_state::take_step(Operation operation)
{
    return interpret(call(operation));
}

status engine_state::take_step_that_may_ask(step_stack::step what)
{
    if (waits_for_answer())
        return status::want_answer;
    if (!stack_ && !can_ask())
        return interpret(what(*this));
    try {
        if (!stack_)
            stack_ = std::make_unique<step_stack>(*this);
        if (!stack_->run(what))
            return status::want_answer;
    } catch (const std::system_error& no_stack) {
        return fail(no_stack.code(), error_name(no_stack.code()), no_stack.what());
    }
    return interpret(stack_->outcome());
}

tls::phase engine_state::phase() const noexcept
{
    if (!handshake_done)
        return phase::handshake;
    return ended_ ? phase::closed : phase::established;
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
    failed_ = true;
    closed = true;
    failure->code = std::move(code);
    failure->message = std::move(message);
    failure->alert = alert.fatal;
    failure->alert_direction = alert.direction;
    failure->verify_result = peer.result();
    failure->verify_depth = peer.depth();
    failure->exception = thrown_;
    failure->peer_certificate = peer.refused_peer();
    if (!stack.empty()) {
        failure->library = stack.front().library;
        failure->reason = stack.front().reason;
        failure->openssl_error_stack = std::move(stack);
    }
    return status::error;
}

status engine_state::interpret(int outcome)
{
    if (limits.attack()) {
        ERR_clear_error();  // how OpenSSL took it is not the cause
        return fail(*limits.attack());
    }
    if (refusal_)
        return take_refusal();  // whatever OpenSSL made of it: it goes on after some of them
    if (renegotiated_ && finish_renegotiation() != status::done)
        return status::error;
    switch (outcome) {
    case SSL_ERROR_NONE: return status::done;
    case SSL_ERROR_WANT_READ: return input_ended && !bytes.has_input() ? end_of_transport() : status::want_input;
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

status engine_state::take_refusal()
{
    if (refusal_ == errc::handshake_interrupted)
        return interrupted();
    return fail(refusal_);
}

status engine_state::take_verification_failure()
{
    if (peer.result() != X509_V_OK)
        return fail({peer.result(), verify_category()});
    const identity_error& objection = *peer.objection();
    const bool own = objection.code == "ERR_TLS_CERT_ALTNAME_INVALID";
    fail(own ? errc::cert_altname_invalid : errc::handshake_refused, objection.code,
         (own ? "Hostname/IP does not match certificate's altnames: " : "") + objection.reason);
    failure->reason = objection.reason;
    return status::error;
}

status engine_state::take_refused_staple()
{
    const ocsp_stapling::objection& objection = *staple.refused();
    fail(objection.error, objection.code, objection.reason);
    failure->reason = objection.reason;
    failure->peer_certificate = objection.peer;
    return status::error;
}

status engine_state::take_openssl_failure()
{
    if (staple.refused())
        return take_refused_staple();
    const unsigned long packed = ERR_peek_error();
    if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED && !peer.passed())
        return take_verification_failure();
    if (packed == 0)
        return fail(std::make_error_code(std::errc::protocol_error), "EPROTO", "OpenSSL failed without a reason");
    if (!alert.fatal && ERR_GET_LIB(packed) == ERR_LIB_SSL && ERR_GET_REASON(packed) > SSL_AD_REASON_OFFSET) {
        alert.fatal = static_cast<std::uint8_t>(ERR_GET_REASON(packed) - SSL_AD_REASON_OFFSET);
        alert.direction = alert_direction::received;
    }
    return fail({static_cast<int>(packed), openssl_category()});
}

/// What the handshake that is over says about the peer.
status engine_state::judge_peer()
{
    summary.fill(ssl.get());
    // A session that began with a key has no verdict. It is worth what the key is, and that is nothing to a server that knows
    // no keys, though it may share tickets with one that does.
    const bool only_key = summary.psk_identity() && !summary.peer_certificate();
    const bool by_key = only_key && (!is_server() || options->ask.psk);
    if (summary.session_reused() && !only_key)
        peer.take_from_session(SSL_get_verify_result(ssl.get()));
    // Nobody verified a peer that has neither a certificate nor a key: of a client that allows anonymous ciphers, or of a
    // server that lets clients in without one.
    if (!summary.peer_certificate() && !by_key && verifies_peer())
        peer.peer_has_none();
    if (policy.reject && verifies_peer() && peer.result() != X509_V_OK)
        return fail({peer.result(), verify_category()});
    return status::done;
}

status engine_state::finish_handshake()
{
    psk.forget();
    const status verdict = judge_peer();
    handshake_done = verdict == status::done;
    staple.release(ssl.get());
    if (handshake_done && !can_ask())
        stack_.reset();
    return verdict;
}

void engine_state::another_handshake_ended() noexcept
{
    renegotiated_ = handshake_done && SSL_version(ssl.get()) < TLS1_3_VERSION;
}

status engine_state::finish_renegotiation()
{
    renegotiated_ = false;
    return judge_peer();
}

/// Takes in what the peer sent that is no data: the messages of a renegotiation, new keys. `SSL_read` and `SSL_write` do
/// that too, but a question may come up, and what they are given must not be borrowed for as long as that is open.
/// @return `done` where there is data, or where a renegotiation is over.
status engine_state::process_messages()
{
    return take_step_that_may_ask([](engine_state& self) noexcept {
        return self.call([&self] {
            std::byte next{};
            std::size_t size = 0;
            return SSL_peek_ex(self.ssl.get(), &next, 1, &size);
        });
    });
}

status engine_state::handshake()
{
    if (failed_)
        return status::error;
    if (handshake_done)
        return status::done;
    const status step = take_step_that_may_ask(
        [](engine_state& self) noexcept { return self.call([&self] { return SSL_do_handshake(self.ssl.get()); }); });
    if (step == status::closed)
        return interrupted();
    return step == status::done ? finish_handshake() : step;
}

void engine_state::end_of_input() noexcept
{
    input_ended = true;
    // Where nothing is left to read no answer can help any more.
    if (waits_for_answer() && !bytes.has_input())
        refuse_with(errc::handshake_interrupted);
}

void engine_state::close() noexcept
{
    closed = true;
    finish_waiting_step();
}

/// Whether OpenSSL could only say that it needs input. To find that out by itself it makes and frees a read buffer.
bool engine_state::nothing_to_read() const noexcept
{
    return !bytes.has_input() && !input_ended && SSL_has_pending(ssl.get()) == 0 && !SSL_in_init(ssl.get()) &&
           !peer_ended();  // a step that waits is one of a handshake
}

bool engine_state::peer_ended() const noexcept
{
    return (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

progress engine_state::read(std::span<std::byte> buffer)
{
    if (const status ready = handshake(); ready != status::done)
        return {ready, 0};
    limits.step_begins();
    if (nothing_to_read())
        return {status::want_input, 0};
    std::size_t total = 0;
    while (total < buffer.size()) {
        if (can_ask())
            if (const status ready = process_messages(); ready != status::done)
                return total ? progress{status::done, total} : progress{ready, 0};
        std::size_t moved = 0;
        const status step =
            take_step([&] { return SSL_read_ex(ssl.get(), buffer.data() + total, buffer.size() - total, &moved); });
        total += moved;
        if (step != status::done)
            return total ? progress{status::done, total} : progress{step, 0};
        limits.data_came();
        if ((!bytes.has_input() && SSL_pending(ssl.get()) == 0) || limits.worked_much())
            break;
    }
    return {status::done, total};
}

progress engine_state::write(std::span<const std::byte> plaintext)
{
    if (failed_)
        return {status::error, 0};
    if (ended_)
        return {report(coil::errc::write_after_end), 0};
    if (const status ready = handshake(); ready != status::done)
        return {ready, 0};
    std::size_t total = 0;
    while (total < plaintext.size()) {
        // `SSL_write` would take the messages of a renegotiation itself and, unlike reading, not bear data among them.
        if (SSL_in_init(ssl.get())) {
            const status over = process_messages();
            if (over == status::closed)
                return {interrupted(), total};
            if (over != status::done && over != status::want_input)
                return {over, total};
            if (SSL_in_init(ssl.get()))
                return {status::want_input, total};
        }
        std::size_t moved = 0;
        const status step = take_step(
            [&] { return SSL_write_ex(ssl.get(), plaintext.data() + total, plaintext.size() - total, &moved); });
        if (step != status::done)
            return {step, total};
        total += moved;
    }
    return {status::done, total};
}

status engine_state::shutdown()
{
    if (failed_)
        return status::error;
    if (ended_)
        return status::done;
    if (waits_for_answer())
        return status::want_answer;
    if (handshake_done) {
        // There is no orderly end in the middle of a renegotiation; it comes once that is over.
        if (SSL_in_init(ssl.get()))
            return status::want_input;
        const status step = take_step([this] { return SSL_shutdown(ssl.get()) < 0 ? -1 : 1; });
        if (step != status::done)
            return step;
    }
    ended_ = true;
    return status::done;
}

}  // namespace coil::tls::internal
