#pragma once

#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/tls/internal/server_names.hpp>
#include <coil/tls/question_handlers.hpp>

#include <coroutine>
#include <exception>
#include <memory>

namespace coil::tls::internal {

class connection;

/// Whom a connection asks.
struct question_handlers {
    alpn_handler alpn_callback = {};
    server_identity_handler check_server_identity = {};
    sni_handler sni_callback = {};
    verification_handler verify_peer = {};
    /// Asked where there is no `sni_callback`; null: nobody.
    std::shared_ptr<const server_names> names = {};

    question_set questions() const noexcept;
};

/// A handler of the program at work on a question.
///
/// It begins in a pass of the loop of its own, so that it may do anything with the socket. Where that ends before it, it
/// ends where it waits.
class answering final : public std::enable_shared_from_this<answering>, private coil::internal::ready_item {
public:
    static std::shared_ptr<answering> begin(connection& home, std::shared_ptr<const question_handlers> handlers,
                                            tls::question asked);

    explicit answering(connection& home) noexcept : home_(&home) {}
    ~answering();

    /// Nobody wants the answer any more. It ends in the loop's next pass, because it may be the one who says so.
    void abandon() noexcept;
    /// Nobody wants the answer any more, and there is nobody to come back to; it ends with the last reference.
    void forget_home() noexcept;

    /// Gives the answer, or throws what the handler threw.
    tls::answer take();

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

    connection* home_;  // null: nobody wants the answer any more
    std::coroutine_handle<coroutine::promise_type> frame_;
    tls::answer answer_;
    std::exception_ptr thrown_;
};

}  // namespace coil::tls::internal
