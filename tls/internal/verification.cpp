#include <coil/tls/internal/verification.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>

namespace coil::tls::internal {
namespace {

engine_state& engine_of(X509_STORE_CTX* chain) noexcept
{
    return engine_state::of(static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx())));
}

/// Whom a client meant to reach.
std::string host_of(const engine_options& options)
{
    const std::string& given = options.servername.empty() ? options.host : options.servername;
    return given.empty() ? "localhost" : given;
}

/// The peer's certificate with the issuers that it sent or that are trusted.
certificate peer_of(X509_STORE_CTX* chain)
{
    return read_certificate_chain(X509_STORE_CTX_get0_cert(chain), X509_STORE_CTX_get0_untrusted(chain),
                                  X509_STORE_CTX_get0_store(chain));
}

}  // namespace

void verification::install(SSL_CTX* context) noexcept
{
    SSL_CTX_set_cert_verify_callback(context, on_verify, nullptr);
}

std::optional<std::string> verification::error_name() const
{
    if (result_ != X509_V_OK)
        return std::string(verify_error_name(result_));
    if (!objection_)
        return std::nullopt;
    return objection_->code.empty() ? objection_->reason : objection_->code;
}

void verification::peer_has_none() noexcept
{
    result_ = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
    depth_ = -1;
    objection_.reset();
}

void verification::object(std::optional<identity_error> objection)
{
    objection_ = objection ? std::make_unique<identity_error>(std::move(*objection)) : nullptr;
}

/// Goes on after each thing that is wrong with a chain and remembers the last, whose name is what Node reports.
int verification::on_chain_step(int good, X509_STORE_CTX* chain) noexcept
{
    if (good)
        return 1;
    verification& found = engine_of(chain).peer;
    found.result_ = X509_STORE_CTX_get_error(chain);
    found.depth_ = static_cast<std::int16_t>(X509_STORE_CTX_get_error_depth(chain));
    return 1;
}

void verification::verify_chain(X509_STORE_CTX* chain) noexcept
{
    X509_STORE_CTX_set_verify_cb(chain, on_chain_step);
    // What verification leaves in the error queue is no failure of the connection.
    ERR_set_mark();
    const bool completed = X509_verify_cert(chain) > 0;
    ERR_pop_to_mark();
    if (completed || result_ != X509_V_OK)
        return;
    const int reason = X509_STORE_CTX_get_error(chain);
    result_ = reason == X509_V_OK ? X509_V_ERR_UNSPECIFIED : reason;
}

/// @return false where the program refuses to go on.
bool verification::check_identity(engine_state& engine, X509_STORE_CTX* chain)
{
    const std::string host = host_of(*engine.options);
    if (!engine.options->ask.server_identity) {
        object(check_server_identity(host, read_names(X509_STORE_CTX_get0_cert(chain))));
        return true;
    }
    const certificate cert =
        read_certificate_chain(X509_STORE_CTX_get0_cert(chain), X509_STORE_CTX_get0_chain(chain), nullptr);
    std::optional<std::optional<identity_error>> answer =
        engine.ask<std::optional<identity_error>>(server_identity_request{cert, host});
    if (answer)
        object(std::move(*answer));
    return answer.has_value();
}

/// @return false where the program refuses to go on.
bool verification::hear_program(engine_state& engine, X509_STORE_CTX* chain)
{
    peer_verification found;
    found.cert = peer_of(chain);
    if (result_ != X509_V_OK)
        found.error = {result_, verify_category()};
    if (!engine.is_server())
        found.host = host_of(*engine.options);
    if (objection_)
        found.wrong_identity = *objection_;
    std::string host = found.host;
    const std::optional<verdict> answer = engine.ask<verdict>(std::move(found));
    if (!answer)
        return false;
    if (!answer->objection() && !answer->accepts())
        return true;
    result_ = X509_V_OK;
    depth_ = -1;
    object(answer->objection());
    if (objection_)
        objection_->host = std::move(host);
    return true;
}

/// What the session remembers, so that a resumption cannot turn it into success. OpenSSL makes the alert of it.
int verification::result_for_session() const noexcept
{
    if (!objection_)
        return result_;
    return objection_->code == "ERR_TLS_CERT_ALTNAME_INVALID" ? X509_V_ERR_HOSTNAME_MISMATCH : X509_V_ERR_CERT_REJECTED;
}

/// Keeps the certificates of a peer that is refused: OpenSSL forgets them, and whoever looks for the cause needs them.
void verification::keep_refused(X509_STORE_CTX* chain) noexcept
try {
    refused_peer_ = std::make_shared<const certificate>(peer_of(chain));
} catch (...) {
    refused_peer_.reset();  // the refusal stands without them
}

/// Verifies the peer: the chain, and on a client that it belongs to the host. @return 0 to refuse the peer.
int verification::on_verify(X509_STORE_CTX* chain, void* /*argument*/) noexcept
{
    engine_state& engine = engine_of(chain);
    verification& found = engine.peer;
    found.result_ = X509_V_OK;
    found.depth_ = -1;
    found.objection_.reset();
    found.verify_chain(chain);
    try {
        bool go_on = true;
        if (found.result_ == X509_V_OK && !engine.is_server())
            go_on = found.check_identity(engine, chain);
        if (go_on && engine.options->ask.peer_verification)
            go_on = found.hear_program(engine, chain);
        if (!go_on) {
            X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
            return 0;
        }
    } catch (...) {
        engine.refuse_for(std::current_exception());
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    X509_STORE_CTX_set_error(chain, found.result_for_session());
    if (found.passed() || !engine.policy.reject)
        return 1;
    found.keep_refused(chain);
    return 0;
}

}  // namespace coil::tls::internal
