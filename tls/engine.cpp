#include <coil/tls/engine.hpp>

#include <coil/tls/internal/engine_access.hpp>
#include <coil/tls/internal/engine_state.hpp>

namespace coil::tls {
engine::engine(secure_context context, tls::role role, engine_options options)
    : engine(std::move(context), role, std::make_shared<const engine_options>(std::move(options)))
{
}

engine::engine(secure_context context, tls::role role, std::shared_ptr<const engine_options> options)
    : state_(std::make_unique<internal::engine_state>(std::move(context), role, std::move(options)))
{
}

engine::engine(engine&& other) noexcept = default;
engine& engine::operator=(engine&& other) noexcept = default;
engine::~engine() = default;

status engine::handshake()
{
    return state_->handshake();
}

progress engine::read(std::span<std::byte> buffer)
{
    return state_->read(buffer);
}

progress engine::write(std::span<const std::byte> bytes)
{
    return state_->write(bytes);
}

status engine::shutdown()
{
    return state_->shutdown();
}

void engine::feed(std::span<const std::byte> ciphertext)
{
    state_->bytes.input.append(ciphertext);
}

void engine::lend(std::span<const std::byte> ciphertext) noexcept
{
    state_->bytes.lent = ciphertext;
}

std::size_t engine::unread() const noexcept
{
    return state_->bytes.lent.size();
}

std::size_t engine::reclaim() noexcept
{
    return std::exchange(state_->bytes.lent, {}).size();
}

void engine::end_of_input() noexcept
{
    state_->end_of_input();
}

std::span<const std::byte> engine::output() const noexcept
{
    return state_->bytes.output.front();
}

std::size_t engine::output_size() const noexcept
{
    return state_->bytes.output.size();
}

void engine::consume_output(std::size_t bytes) noexcept
{
    state_->bytes.output.consume(bytes);
}

const tls::question& engine::asked() const noexcept
{
    return state_->asked();
}

void engine::answer(sni_answer to_client_hello)
{
    state_->answer(std::move(to_client_hello));
}

void engine::answer(alpn_answer to_alpn_request)
{
    state_->answer(std::move(to_alpn_request));
}

void engine::answer(std::optional<identity_error> to_server_identity_request)
{
    state_->answer(std::move(to_server_identity_request));
}

void engine::answer(verdict on_peer_verification)
{
    state_->answer(std::move(on_peer_verification));
}

void engine::answer(staple_answer to_certificate_status_request)
{
    state_->answer(std::move(to_certificate_status_request));
}

void engine::answer(ocsp_verdict on_stapled_response)
{
    state_->answer(std::move(on_stapled_response));
}

void engine::answer(std::optional<tls::psk_identity> to_psk_request)
{
    state_->answer(std::move(to_psk_request));
}

void engine::answer(std::optional<psk_key> to_psk_identity_request)
{
    state_->answer(std::move(to_psk_identity_request));
}

void engine::answer(signature to_signature_request)
{
    state_->answer(std::move(to_signature_request));
}

void engine::answer(client_certificate to_client_certificate_request)
{
    state_->answer(std::move(to_client_certificate_request));
}

namespace {

void check_asked(const internal::engine_state& of)
{
    if (!of.waits_for_answer())
        throw internal::argument_error("ERR_TLS_INVALID_STATE", "a TLS engine is refused what it did not ask for");
}

}  // namespace

void engine::refuse()
{
    check_asked(*state_);
    state_->refuse_with(errc::handshake_refused);
}

void engine::fail(std::exception_ptr thrown)
{
    check_asked(*state_);
    state_->refuse_for(std::move(thrown));
}

void engine::set_key_cert(const secure_context& context)
{
    state_->set_key_cert(context);
}

const tls::error_info& engine::error_info() const noexcept
{
    static const tls::error_info none;
    return state_->failure ? *state_->failure : none;
}

tls::role engine::role() const noexcept
{
    return state_->role;
}

bool engine::handshake_done() const noexcept
{
    return state_->handshake_done;
}

bool engine::pending() const noexcept
{
    return SSL_pending(state_->ssl.get()) > 0;
}

bool engine::shutdown_sent() const noexcept
{
    return (SSL_get_shutdown(state_->ssl.get()) & SSL_SENT_SHUTDOWN) != 0;
}

void engine::disable_renegotiation() noexcept
{
    state_->limits.disable_renegotiation();
}

namespace internal {

bool engine_access::worked_much(const engine& of) noexcept
{
    return of.state_->limits.worked_much();
}

bool engine_access::nothing_to_read(const engine& of) noexcept
{
    return of.state_->nothing_to_read();
}

bool engine_access::in_handshake(const engine& of) noexcept
{
    return SSL_in_init(of.state_->ssl.get()) == 1;
}

bool engine_access::peer_ended(const engine& of) noexcept
{
    return of.state_->peer_ended();
}

void engine_access::close(engine& of) noexcept
{
    of.state_->close();
}

tls::question engine_access::take_question(engine& of) noexcept
{
    return of.state_->take_question();
}

void engine_access::give(engine& to, any_answer given)
{
    to.state_->answer(std::move(given));
}

coil::internal::chunk_queue& engine_access::output(engine& from) noexcept
{
    return from.state_->bytes.output;
}

}  // namespace internal

}  // namespace coil::tls
