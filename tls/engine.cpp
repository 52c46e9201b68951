#include <coil/tls/engine.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_access.hpp>
#include <coil/tls/internal/engine_state.hpp>

#include <algorithm>
#include <array>

namespace coil::tls {
namespace {

using finished_function = std::size_t (*)(const SSL*, void*, std::size_t);

std::optional<std::vector<std::byte>> finished_message(const SSL* ssl, finished_function get)
{
    std::vector<std::byte> bytes(EVP_MAX_MD_SIZE);
    bytes.resize(std::min(bytes.size(), get(ssl, bytes.data(), bytes.size())));
    if (bytes.empty())
        return std::nullopt;
    return bytes;
}

status refused(internal::engine_state& state, status /*kind*/)
{
    return state.report(errc::called_from_handler);
}

progress refused(internal::engine_state& state, progress /*kind*/)
{
    return {state.report(errc::called_from_handler), 0};
}

/// Takes a step. Handlers run within it: OpenSSL cannot be entered again there, nor can its objects go.
template <class Step>
auto step(internal::engine_state& state, Step take)
{
    using outcome = decltype(take(state));
    if (state.in_step)
        return refused(state, outcome());
    state.in_step = true;
    const outcome made = take(state);
    state.in_step = false;
    if (state.abandoned)
        delete &state;
    return made;
}

}  // namespace

alpn_protocol_list::alpn_protocol_list(std::initializer_list<std::string_view> names)
{
    for (const std::string_view name : names)
        add(name);
}

alpn_protocol_list::alpn_protocol_list(const std::vector<std::string>& names)
{
    for (const std::string& name : names)
        add(name);
}

alpn_protocol_list::alpn_protocol_list(std::span<const std::byte> wire)
    : wire_(reinterpret_cast<const char*>(wire.data()), wire.size())
{
    for (std::size_t at = 0; at < wire_.size();) {
        const std::size_t length = static_cast<unsigned char>(wire_[at]);
        if (length == 0 || length >= wire_.size() - at)
            throw internal::argument_error("ERR_INVALID_ARG_VALUE", "alpn_protocols is no list in wire form");
        at += 1 + length;
    }
    check_size();
}

void alpn_protocol_list::add(std::string_view name)
{
    if (name.empty())
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "alpn_protocols holds an empty name");
    if (name.size() > 255)
        throw internal::argument_error("ERR_OUT_OF_RANGE", "alpn_protocols holds a name of more than 255 bytes");
    wire_ += static_cast<char>(name.size());
    wire_ += name;
    check_size();
}

void alpn_protocol_list::check_size() const
{
    constexpr std::size_t room = 65'535 - 2;  // of an extension, in which the list's own length takes two bytes
    if (wire_.size() > room)
        throw internal::argument_error("ERR_INVALID_ARG_VALUE", "alpn_protocols takes more than 65533 bytes");
}

engine::engine(secure_context context, tls::role role, engine_options options)
    : engine(std::move(context), role, std::make_shared<const engine_options>(std::move(options)))
{
}

engine::engine(secure_context context, tls::role role, std::shared_ptr<const engine_options> options)
    : state_(new internal::engine_state(std::move(context), role, std::move(options)))
{
}

engine::engine(engine&& other) noexcept = default;
engine& engine::operator=(engine&& other) noexcept = default;
engine::~engine() = default;

status engine::handshake()
{
    return step(*state_, [](internal::engine_state& state) { return state.handshake(); });
}

progress engine::read(std::span<std::byte> buffer)
{
    return step(*state_, [buffer](internal::engine_state& state) { return state.read(buffer); });
}

progress engine::write(std::span<const std::byte> bytes)
{
    return step(*state_, [bytes](internal::engine_state& state) { return state.write(bytes); });
}

status engine::shutdown()
{
    return step(*state_, [](internal::engine_state& state) { return state.shutdown(); });
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
    state_->input_ended = true;
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

tls::question engine::question() const noexcept
{
    return state_->question;
}

void engine::answer(secure_context context)
{
    state_->question = question::none;
    state_->answered = true;
    state_->answer = std::move(context);
}

void engine::answer(std::exception_ptr failure)
{
    state_->question = question::none;
    state_->answered = true;
    state_->handler_failure = std::move(failure);
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

bool engine::authorized() const noexcept
{
    return state_->handshake_done && state_->verifies_peer() && state_->verify_result == X509_V_OK &&
           !state_->wrong_identity;
}

std::optional<std::string> engine::authorization_error() const
{
    if (!state_->verifies_peer())
        return std::nullopt;
    if (state_->verify_result != X509_V_OK)
        return std::string(verify_error_name(state_->verify_result));
    if (!state_->wrong_identity)
        return std::nullopt;
    return state_->wrong_identity->code.empty() ? state_->wrong_identity->reason : state_->wrong_identity->code;
}

std::optional<std::string_view> engine::alpn_protocol() const noexcept
{
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
    if (!name || size == 0)
        return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(name), size);
}

std::optional<std::string_view> engine::servername() const noexcept
{
    if (state_->is_server()) {
        if (state_->servername.empty())
            return std::nullopt;
        return state_->servername;
    }
    const char* name = SSL_get_servername(state_->ssl.get(), TLSEXT_NAMETYPE_host_name);
    if (!name)
        return std::nullopt;
    return name;
}

std::string_view engine::get_protocol() const noexcept
{
    return state_->handshake_done ? SSL_get_version(state_->ssl.get()) : "unknown";
}

std::optional<cipher_info> engine::get_cipher() const
{
    const SSL_CIPHER* cipher = state_->handshake_done ? SSL_get_current_cipher(state_->ssl.get()) : nullptr;
    if (!cipher)
        return std::nullopt;
    const char* standard = SSL_CIPHER_standard_name(cipher);
    return cipher_info{SSL_CIPHER_get_name(cipher), standard ? standard : "", SSL_CIPHER_get_version(cipher)};
}

std::optional<certificate> engine::get_peer_certificate(bool detailed) const
{
    X509* peer = SSL_get0_peer_certificate(state_->ssl.get());
    if (!peer && state_->refused_peer) {
        certificate refused = *state_->refused_peer;
        if (!detailed)
            refused.issuer_certificate.reset();
        return refused;
    }
    if (!peer)
        return std::nullopt;
    if (!detailed)
        return internal::read_certificate(peer);
    return internal::read_certificate_chain(peer, SSL_get_peer_cert_chain(state_->ssl.get()),
                                            SSL_CTX_get_cert_store(SSL_get_SSL_CTX(state_->ssl.get())));
}

std::optional<certificate> engine::get_certificate() const
{
    X509* own = SSL_get_certificate(state_->ssl.get());
    if (!own)
        return std::nullopt;
    return internal::read_certificate(own);
}

bool engine::is_session_reused() const noexcept
{
    return SSL_session_reused(state_->ssl.get()) == 1;
}

std::optional<std::vector<std::byte>> engine::get_finished() const
{
    return finished_message(state_->ssl.get(), SSL_get_finished);
}

std::optional<std::vector<std::byte>> engine::get_peer_finished() const
{
    return finished_message(state_->ssl.get(), SSL_get_peer_finished);
}

std::vector<std::byte> engine::export_keying_material(std::size_t length, std::string_view label,
                                                      std::optional<std::span<const std::byte>> context) const
{
    if (length == 0 || length > UINT32_MAX)
        throw internal::argument_error("ERR_OUT_OF_RANGE", "export_keying_material: the length is out of range");
    if (!state_->handshake_done)
        throw internal::argument_error("ERR_TLS_INVALID_STATE",
                                       "export_keying_material: the TLS connection is not established");
    const internal::error_queue_guard guard;
    std::vector<std::byte> bytes(length);
    const auto* with = context ? reinterpret_cast<const unsigned char*>(context->data()) : nullptr;
    if (SSL_export_keying_material(state_->ssl.get(), reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(),
                                   label.data(), label.size(), with, context ? context->size() : 0,
                                   context ? 1 : 0) != 1)
        throw internal::setup_error("export_keying_material");
    return bytes;
}

void engine::disable_renegotiation() noexcept
{
    state_->renegotiation_disabled = true;
}

namespace internal {

void engine_state_end::operator()(engine_state* state) const noexcept
{
    if (state->in_step)
        state->abandoned = true;
    else
        delete state;
}

bool engine_access::in_step(const engine& of) noexcept
{
    return of.state_->in_step;
}

bool engine_access::worked_much(const engine& of) noexcept
{
    return of.state_->messages_in_step >= engine_state::most_messages;
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

coil::internal::chunk_queue& engine_access::output(engine& from) noexcept
{
    return from.state_->bytes.output;
}

}  // namespace internal

}  // namespace coil::tls
