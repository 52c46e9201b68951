#pragma once

#include <coil/tls/engine.hpp>
#include <coil/tls/internal/alerts.hpp>
#include <coil/tls/internal/alpn_choice.hpp>
#include <coil/tls/internal/bio.hpp>
#include <coil/tls/internal/context_state.hpp>
#include <coil/tls/internal/handshake_summary.hpp>
#include <coil/tls/internal/message_limits.hpp>
#include <coil/tls/internal/ocsp_stapling.hpp>
#include <coil/tls/internal/psk_choice.hpp>
#include <coil/tls/internal/server_name_choice.hpp>
#include <coil/tls/internal/step_stack.hpp>
#include <coil/tls/internal/verification.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace coil::tls::internal {

/// What lies behind an `engine`: OpenSSL's object, the steps that it takes, and the subjects that its callbacks decide on.
/// Those find it through the `SSL` object.
///
/// A callback that has to wait for an answer runs, with the whole step, on a stack of its own. Until it is answered no
/// function of the connection is called: `SSL_write` would send what it is given in clear text.
class engine_state {
public:
    engine_state(secure_context context, tls::role role, std::shared_ptr<const engine_options> options);
    ~engine_state();
    engine_state(const engine_state&) = delete;
    engine_state& operator=(const engine_state&) = delete;

    static engine_state& of(const SSL* ssl) noexcept;
    /// The one whose step runs on a stack of its own in this thread; null if there is none.
    static engine_state* at_work() noexcept { return step_stack::at_work(); }

    status handshake();
    progress read(std::span<std::byte> buffer);
    progress write(std::span<const std::byte> bytes);
    status shutdown();
    void end_of_input() noexcept;
    /// The connection below is gone: an open question is refused, and its stack is free again.
    void close() noexcept;
    bool nothing_to_read() const noexcept;
    bool peer_ended() const noexcept;
    /// For the owner; not while a question is open. Throws: `tls::error`.
    void set_key_cert(const secure_context& from);

    /// @{ Between the owner and the callback that asks.
    const tls::question& asked() const noexcept;
    bool waits_for_answer() const noexcept;
    /// Hands over what was asked, so that it is in memory once while the answer takes its time.
    tls::question take_question() noexcept { return std::move(question_->asked); }
    void answer(any_answer given);
    /// Ends the handshake: this and all further questions are refused.
    void refuse_with(std::error_code why) noexcept;
    void refuse_for(std::exception_ptr thrown) noexcept;
    bool was_refused_by_program() const noexcept { return refusal_ == errc::handshake_refused; }
    /// @}

    /// For callbacks: asks and waits. @return nothing where the handshake is refused.
    template <class Answer>
    std::optional<Answer> ask(tls::question what)
    {
        open_question here{std::move(what), {}};
        if (!wait_for_answer(here))
            return std::nullopt;
        return std::get<Answer>(std::move(here.given));
    }
    /// Makes what `chosen` says count in place of the context and the options. Only while the ClientHello is being read.
    void apply(const sni_settings& chosen);
    /// Applies the groups of the context, once it is known which context that is.
    void set_groups();
    /// Uses the certificates and keys of `from`. Only before one was chosen.
    void use_identities_of(const secure_context& from);
    /// A handshake is done; if it is not the first, its verdict counts from now on.
    void another_handshake_ended() noexcept;

    bool is_server() const noexcept { return role == tls::role::server; }
    bool verifies_peer() const noexcept { return !is_server() || policy.request; }
    std::string_view sent_name() const noexcept;
    X509* own_certificate() const noexcept;
    X509_STORE* trusted() const noexcept;

    /// Records a failure that only concerns the call at hand.
    status report(std::error_code error);

    secure_context context;
    const std::shared_ptr<const engine_options> options;
    client_certificates policy;
    ciphertext bytes{*this};
    ssl_ptr ssl;
    const tls::role role;

    server_name_choice server_name;
    alpn_choice alpn;
    ocsp_stapling staple;
    psk_choice psk;
    verification peer;
    message_limits limits;
    alerts alert;
    handshake_summary summary;

    bool handshake_done = false;
    bool input_ended = false;
    bool closed = false;  ///< The connection below is gone, or this has failed.
    std::unique_ptr<tls::error_info> failure;

private:
    /// A question and its answer, on the stack of the callback that asks.
    struct open_question {
        tls::question asked;
        any_answer given;
    };

    /// The only way to OpenSSL's connection functions: clears the error queue, calls, asks at once what happened.
    template <class Operation>
    int call(Operation operation) noexcept;
    template <class Operation>
    status take_step(Operation operation);
    status take_step_that_may_ask(step_stack::step what);
    bool can_ask() const noexcept;
    bool wait_for_answer(open_question& here);
    void finish_waiting_step() noexcept;

    status interpret(int outcome);
    status end_of_transport();
    status take_refusal();
    status take_openssl_failure();
    status take_verification_failure();
    status take_refused_staple();
    status interrupted();
    status fail(std::error_code error);
    status fail(std::error_code error, std::string code, std::string message);

    status finish_handshake();
    status finish_renegotiation();
    status judge_peer();
    status process_messages();
    void set_up_client();
    void set_up_server();
    void use_policy(const context_state& from);
    void switch_context(const secure_context& next);
    tls::phase phase() const noexcept;

    std::unique_ptr<step_stack> stack_;  // while something can be asked
    open_question* question_ = nullptr;
    std::error_code refusal_;
    std::exception_ptr thrown_;
    bool ended_ = false;  // close_notify was asked for: nothing more can be written
    bool failed_ = false;
    bool signs_elsewhere_ = false;
    bool renegotiated_ = false;  // another handshake is done, whose verdict is to be looked at
};

}  // namespace coil::tls::internal
