#pragma once

#include <coil/tls/engine.hpp>
#include <coil/tls/internal/bio.hpp>
#include <coil/tls/internal/context_state.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coil::tls::internal {

/// What lies behind an `engine`. The callbacks of a handshake (questions.cpp) find it through the `SSL` object.
class engine_state {
public:
    engine_state(secure_context context, tls::role role, std::shared_ptr<const engine_options> options);
    ~engine_state();
    engine_state(const engine_state&) = delete;
    engine_state& operator=(const engine_state&) = delete;

    static engine_state& of(const SSL* ssl) noexcept;

    /// Messages behind the handshake that the peer may send in a row without data, and after which a read rests.
    static constexpr unsigned most_messages = 32;

    status handshake();
    progress read(std::span<std::byte> buffer);
    progress write(std::span<const std::byte> bytes);
    status shutdown();
    bool nothing_to_read() const noexcept;
    bool peer_ended() const noexcept;

    /// Looks at a message that the peer sent behind the first handshake, before OpenSSL does; may set `attack`.
    void message_arrived(unsigned char type) noexcept;

    /// Applies the groups of the context, once it is known which context that is.
    void set_groups();
    /// Makes `next` decide everything that the context before it decided. Only while the ClientHello is being read.
    void switch_context(const secure_context& next);

    /// Records a failure that only concerns the call at hand.
    status report(std::error_code error);
    /// Records the failure that ends the connection.
    status fail(std::error_code error, std::string code, std::string message);
    status fail(std::error_code error);

    bool is_server() const noexcept { return role == tls::role::server; }
    bool verifies_peer() const noexcept { return !is_server() || options->request_cert; }
    client_certificates policy() const noexcept { return {options->request_cert, options->reject_unauthorized}; }

    secure_context context;
    const std::shared_ptr<const engine_options> options;
    ciphertext bytes{*this};
    ssl_ptr ssl;
    const tls::role role;

    // Found out by the callbacks while OpenSSL runs.
    int verify_result = X509_V_OK;
    std::int16_t verify_depth = -1;
    bool servername_seen = false;
    bool servername_used = false;
    bool answered = false;
    std::string servername;  ///< What the client sent.
    secure_context answer;
    std::unique_ptr<identity_error> wrong_identity;
    std::shared_ptr<const certificate> refused_peer;  ///< With its issuers.
    std::exception_ptr handler_failure;
    tls::question question = question::none;
    tls::alert_direction alert_direction = alert_direction::none;
    std::optional<std::uint8_t> alert;

    bool handshake_done = false;
    bool input_ended = false;
    bool ended = false;  ///< close_notify was asked for: nothing more can be written.
    bool failed = false;
    bool renegotiation_disabled = false;
    bool renegotiated = false;  ///< Another handshake is done, whose verdict counts from now on.
    bool in_step = false;
    bool abandoned = false;  ///< Its owner let go of it during a step, which has to delete it.

    unsigned messages_without_data = 0;
    unsigned messages_in_step = 0;
    unsigned renegotiations = 0;  ///< That the client asked for.
    std::chrono::steady_clock::time_point last_handshake;
    std::optional<tls::errc> attack;  ///< Why the connection must end although OpenSSL is content.

    std::unique_ptr<tls::error_info> failure;

private:
    /// The only way to OpenSSL's connection functions: clears the error queue, calls, asks at once what happened.
    template <class Operation>
    status call(Operation operation);
    status interpret(int outcome);
    status end_of_transport();
    status interrupted();
    status take_openssl_failure();
    status finish_handshake();
    status judge_peer();
    status finish_renegotiation();
    status wait_for_renegotiation();
    std::optional<tls::errc> refuse_renegotiation() noexcept;
    void set_up_client();
    void set_up_server();
    tls::phase phase() const noexcept;
};

}  // namespace coil::tls::internal
