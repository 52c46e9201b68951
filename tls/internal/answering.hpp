#pragma once

#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/tls/internal/server_names.hpp>
#include <coil/tls/question_handlers.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>

namespace coil::tls::internal {

class connection;

/// Whom a connection asks.
struct question_handlers {
    alpn_handler alpn_callback = {};
    server_identity_handler check_server_identity = {};
    client_certificate_handler client_certificate_callback = {};
    client_hello_handler client_hello_callback = {};
    ocsp_request_handler on_ocsp_request = {};
    ocsp_response_handler on_ocsp_response = {};
    psk_handler psk_callback = {};
    psk_server_handler psk_server_callback = {};
    sni_handler sni_callback = {};
    verification_handler verify_peer = {};
    /// Asked where there is no `sni_callback`; null: nobody.
    std::shared_ptr<const server_names> names = {};

    question_set questions() const noexcept;
    /// What answers `asked` without the program: a ClientHello that it need not be asked about.
    std::optional<sni_answer> look_up(const tls::question& asked) const;
};

/// A handler of the program at work on a question.
///
/// It begins in a pass of the loop of its own, so that it may do anything with the socket. Where that ends before it, it ends
/// where it waits: the connection owns it.
class answering final : public std::enable_shared_from_this<answering>, private coil::internal::ready_item {
public:
    /// @param handlers  may be null where who answers comes with the question.
    static std::shared_ptr<answering> begin(connection& home, std::shared_ptr<const question_handlers> handlers,
                                            tls::question asked);

    explicit answering(connection& home) noexcept : home_(&home) {}
    ~answering();

    /// Nobody wants the answer any more. The connection is told to let go of it in the loop's next pass, because the handler
    /// may be the one who says so.
    void abandon() noexcept;
    bool abandoned() const noexcept { return abandoned_; }
    /// The connection goes, and with it the last reference.
    void forget_home() noexcept;

    /// Gives the answer, or throws what the handler threw.
    any_answer take();

private:
    class coroutine {
    public:
        struct promise_type final : coil::internal::bottom_promise<promise_type> {
            /// The coroutine's arguments.
            promise_type(answering& of, const std::shared_ptr<const question_handlers>&, tls::question&) noexcept
                : self(of)
            {
            }
            coroutine get_return_object() noexcept { return coroutine{frame()}; }
            void left() noexcept { self.left(); }
            void unhandled_exception() noexcept { self.thrown_ = std::current_exception(); }

            answering& self;
        };

        std::coroutine_handle<promise_type> frame;
    };

    static coroutine work(answering& self, std::shared_ptr<const question_handlers> handlers, tls::question asked);

    void run() noexcept override;
    void left() noexcept;

    connection* home_;  // null: it is gone
    bool abandoned_ = false;
    std::coroutine_handle<coroutine::promise_type> frame_;
    any_answer answer_;
    std::exception_ptr thrown_;
};

}  // namespace coil::tls::internal
