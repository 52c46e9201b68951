#include <coil/tls/server.hpp>

#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/semaphore.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/internal/behaviour.hpp>
#include <coil/tls/internal/client_hello.hpp>
#include <coil/tls/internal/connect_plan.hpp>
#include <coil/tls/internal/connection.hpp>
#include <coil/tls/internal/context_state.hpp>
#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/internal/server_names.hpp>

#include <stdexcept>

namespace coil::tls {

/// What a server may do with the sockets it makes.
class server_access {
public:
    static socket make_socket(net::internal::core_owner<internal::connection> connection) noexcept
    {
        return socket(std::move(connection), nullptr);
    }
    static net::internal::core_reference core_of(socket& of) noexcept
    {
        return net::internal::core_reference(of.connection_.get());
    }
    static void fail(socket& failed, std::error_code error) noexcept { failed.connection_->fail(error); }
};

namespace internal {
namespace {

net::server_options transport_options(const server_options& options)
{
    net::server_options below;
    below.keep_alive = options.keep_alive;
    below.keep_alive_initial_delay = options.keep_alive_initial_delay;
    below.max_connections = options.max_connections;
    below.no_delay = options.no_delay;
    return below;
}

secure_context context_of(const server_options& options)
{
    if (options.keep_alive_initial_delay.count() < 0)
        throw argument_error("ERR_INVALID_ARG_VALUE", "keep_alive_initial_delay is negative");
    return or_default(options.secure_context);
}

}  // namespace

/// The inside of a server; it does not move, so that its connections can refer to it.
class server_state {
public:
    server_state(const server_options& options, server::connection_handler handler)
        : handler_(std::move(handler)),
          policy_{options.request_cert, options.reject_unauthorized},
          context_(context_of(options)),
          how_(behaviour_of(role::server, options, {})),
          plain(net::create_server(transport_options(options),
                                   [this](net::socket accepted) { return open(*this, std::move(accepted)); }))
    {
        if (options.max_handshakes > 0)
            handshakes_.emplace(options.max_handshakes);
        check(context_);
    }

    void set_context(secure_context context)
    {
        check(context);
        context_ = std::move(context);
    }

    void check(const secure_context& context) const { context_state::of(context)->check(policy_); }

    void add_name(std::string_view hostname, secure_context context)
    {
        const bool first = names_->empty();
        names_->add(hostname, std::move(context));
        if (first)
            how_ = with_names(how_, names_);
    }

    void set_ocsp_request(ocsp_request_handler call) { how_ = with_ocsp_request(how_, std::move(call)); }

    handler<void(error_info, const socket&)> on_tls_client_error;

private:
    /// A connection on its way to be secure.
    struct opening {
        net::socket accepted;
        behaviour how;  // as it was when the connection was accepted
        std::optional<socket> secured = {};
    };

    /// @return what the handler does with the connection; nothing if the handshake fails.
    static task<task<>> open(server_state& home, net::socket accepted)
    {
        opening one{std::move(accepted), home.how_};
        task<result<>> securing = secure(home, one);
        result<> outcome;
        if (home.how_.handshake_timeout.count() > 0) {
            auto limited = with_timeout(home.how_.handshake_timeout, std::move(securing));
            outcome = co_await limited;
        } else {
            outcome = co_await securing;
        }
        if (outcome)
            co_return home.handler_.start(std::move(*one.secured));
        if (outcome.error() != coil::errc::canceled) {
            auto telling = report(home, one, outcome.error());
            co_await telling;
        }
        co_return nothing();
    }

    static task<> nothing() { co_return; }

    static task<> report(server_state& home, opening& failed, std::error_code error)
    {
        const handler<void(error_info, const socket&)> call = home.on_tls_client_error;
        if (!failed.secured && !call)
            co_return;
        if (!failed.secured)  // its handshake has not begun
            failed.secured = home.wrap(failed);
        if (error == coil::errc::timed_out)
            server_access::fail(*failed.secured, errc::handshake_timeout);
        if (!call)
            co_return;
        auto telling = call(failed.secured->error_info(), *failed.secured);
        co_await telling;
    }

    /// Answers the ClientHello. What comes then is the client's turn, and takes no place.
    static task<result<>> answer(server_state& home, opening& one)
    {
        std::optional<semaphore::permit> place;
        if (home.handshakes_) {
            auto asked = home.handshakes_->acquire();
            result<semaphore::permit> granted = co_await asked;
            if (!granted)
                co_return granted.error();
            place.emplace(std::move(*granted));
        }
        one.secured = home.wrap(one);
        const answer_awaitable first_step(server_access::core_of(*one.secured));
        const result<> answered = co_await first_step;
        co_return answered;
    }

    static task<result<>> secure(server_state& home, opening& one)
    {
        // Until there is a ClientHello the connection costs no more than a plain one, and takes nobody's place.
        const client_hello_awaitable greeting(one.accepted.core());
        const result<> greeted = co_await greeting;
        if (!greeted)
            co_return greeted;
        auto answering = answer(home, one);
        const result<> answered = co_await answering;
        if (!answered)
            co_return answered;
        auto handshake = one.secured->secure_connect();
        const result<> outcome = co_await handshake;
        co_return outcome;
    }

    socket wrap(opening& one) const
    {
        net::internal::core_owner<connection> made = make_connection(context_, one.how);
        made->connect(one.accepted.release());
        return server_access::make_socket(std::move(made));
    }

    server::connection_handler handler_;
    client_certificates policy_;
    std::optional<semaphore> handshakes_;  // how many more may run at once; none: any number
    // Connections look a name up when their ClientHello comes; all is done on the loop's thread.
    std::shared_ptr<server_names> names_ = std::make_shared<server_names>();
    secure_context context_;
    behaviour how_;

public:
    net::server plain;  // last: its connections refer to the rest
};

}  // namespace internal

server::server(std::unique_ptr<internal::server_state> state) noexcept : state_(std::move(state)) {}
server::server(server&& other) noexcept = default;
server& server::operator=(server&& other) noexcept = default;
server::~server() = default;

internal::server_state& server::state() const noexcept
{
    if (!state_)
        coil::internal::stop_program("a tls::server that was moved from is used");
    return *state_;
}

detailed_result<> server::listen(const net::listen_options& options)
{
    return state().plain.listen(options);
}

std::optional<net::address> server::address() const
{
    return state().plain.address();
}

bool server::listening() const noexcept
{
    return state().plain.listening();
}

std::size_t server::connections() const noexcept
{
    return state().plain.connections();
}

result<> server::close() noexcept
{
    return state().plain.close();
}

coil::internal::awaitable<net::internal::closed_wait, net::internal::server_state*> server::closed() & noexcept
{
    return state().plain.closed();
}

task<std::size_t> server::shutdown(std::chrono::nanoseconds grace) &
{
    return state().plain.shutdown(grace);
}

void server::request_stop() noexcept
{
    state().plain.request_stop();
}

void server::add_context(std::string_view hostname, secure_context context)
{
    if (!context)
        throw error("ERR_TLS_INVALID_CONTEXT", "add_context: no context for " + std::string(hostname));
    state().check(context);
    state().add_name(hostname, std::move(context));
}

void server::add_context(std::string_view hostname, const secure_context_options& options)
{
    add_context(hostname, create_secure_context(options));
}

void server::set_secure_context(const secure_context_options& options)
{
    state().set_context(create_secure_context(options));
}

void server::set_secure_context(secure_context context)
{
    if (!context)
        throw error("ERR_TLS_INVALID_CONTEXT", "set_secure_context: no context");
    state().set_context(std::move(context));
}

void server::on_ocsp_request(ocsp_request_handler call)
{
    state().set_ocsp_request(std::move(call));
}

void server::on_tls_client_error(handler<void(error_info, const socket&)> call)
{
    state().on_tls_client_error = std::move(call);
}

void server::on_uncaught(handler<void(std::exception_ptr)> call)
{
    state().plain.on_uncaught(std::move(call));
}

void server::on_error(handler<void(std::error_code)> call)
{
    state().plain.on_error(std::move(call));
}

void server::on_drop(handler<void()> call)
{
    state().plain.on_drop(std::move(call));
}

server create_server(server_options options, server::connection_handler handler)
{
    if (!handler)
        throw std::invalid_argument("tls::create_server: the handler is empty");
    return server(std::make_unique<internal::server_state>(options, std::move(handler)));
}

}  // namespace coil::tls
