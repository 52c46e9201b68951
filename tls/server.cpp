#include <coil/tls/server.hpp>

#include <coil/net/internal/transport.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/semaphore.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/internal/client_hello.hpp>
#include <coil/tls/internal/connect_plan.hpp>
#include <coil/tls/internal/connection.hpp>
#include <coil/tls/internal/context_cache.hpp>
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
    if (options.handshake_timeout.count() < 0)
        throw argument_error("ERR_INVALID_ARG_VALUE", "handshake_timeout is negative");
    if (options.keep_alive_initial_delay.count() < 0)
        throw argument_error("ERR_INVALID_ARG_VALUE", "keep_alive_initial_delay is negative");
    check_only_one(options.context, options.secure_context);
    return options.context ? options.context : create_secure_context(options.secure_context);
}

}  // namespace

/// The inside of a server; it does not move, so that its connections can refer to it.
class server_state {
public:
    server_state(const server_options& options, server::connection_handler handler)
        : handler_(std::move(handler)),
          allow_half_open_(options.allow_half_open),
          handshake_timeout_(options.handshake_timeout),
          context_(context_of(options)),
          plain(net::create_server(transport_options(options),
                                   [this](net::socket accepted) { return open(*this, std::move(accepted)); }))
    {
        if (options.max_handshakes > 0)
            handshakes_.emplace(options.max_handshakes);
        engine_options behaviour;
        behaviour.allow_truncation = options.allow_truncation;
        behaviour.alpn_protocols = options.alpn_protocols;
        behaviour.reject_unauthorized = options.reject_unauthorized;
        behaviour.request_cert = options.request_cert;
        behaviour.sni_callback = [names = names_](std::string_view servername) { return names->find(servername); };
        policy_ = {options.request_cert, options.reject_unauthorized};
        check(context_);
        behaviour_ = std::make_shared<const engine_options>(std::move(behaviour));
    }

    void set_context(secure_context context)
    {
        check(context);
        context_ = std::move(context);
    }

    void check(const secure_context& context) const { context_state::of(context)->check(policy_); }

    void add_name(std::string_view hostname, secure_context context) { names_->add(hostname, std::move(context)); }

    std::function<void(const error_info&, const socket&)> on_tls_client_error;

private:
    /// @return what the handler does with the connection; nothing if the handshake fails.
    static task<task<>> open(server_state& home, net::socket accepted)
    {
        std::optional<socket> secured;
        task<result<>> securing = secure(home, accepted, secured);
        result<> outcome;
        if (home.handshake_timeout_.count() > 0) {
            auto limited = with_timeout(home.handshake_timeout_, std::move(securing));
            outcome = co_await limited;
        } else {
            outcome = co_await securing;
        }
        if (outcome)
            co_return home.handler_(std::move(*secured));
        if (outcome.error() != coil::errc::canceled)
            report(home, accepted, secured, outcome.error());
        co_return nothing();
    }

    static task<> nothing() { co_return; }

    static void report(server_state& home, net::socket& accepted, std::optional<socket>& secured, std::error_code error)
    {
        if (!secured && !home.on_tls_client_error)
            return;
        if (!secured)  // its handshake has not begun
            secured = home.wrap(accepted);
        if (error == coil::errc::timed_out)
            server_access::fail(*secured, errc::handshake_timeout);
        if (home.on_tls_client_error) {
            const error_info what = secured->error_info();
            home.on_tls_client_error(what, *secured);
        }
    }

    /// Answers the ClientHello. What comes then is the client's turn, and takes no place.
    static task<result<>> answer(server_state& home, net::socket& accepted, std::optional<socket>& secured)
    {
        std::optional<semaphore::permit> place;
        if (home.handshakes_) {
            auto asked = home.handshakes_->acquire();
            result<semaphore::permit> granted = co_await asked;
            if (!granted)
                co_return granted.error();
            place.emplace(std::move(*granted));
        }
        secured = home.wrap(accepted);
        const answer_awaitable first_step(server_access::core_of(*secured));
        const result<> answered = co_await first_step;
        co_return answered;
    }

    static task<result<>> secure(server_state& home, net::socket& accepted, std::optional<socket>& secured)
    {
        // Until there is a ClientHello the connection costs no more than a plain one, and takes nobody's place.
        const client_hello_awaitable greeting(accepted.core());
        const result<> greeted = co_await greeting;
        if (!greeted)
            co_return greeted;
        auto answering = answer(home, accepted, secured);
        const result<> answered = co_await answering;
        if (!answered)
            co_return answered;
        auto handshake = secured->secure_connect();
        const result<> outcome = co_await handshake;
        co_return outcome;
    }

    socket wrap(net::socket& accepted)
    {
        net::internal::core_owner<connection> made(new connection(engine(context_, role::server, behaviour_)));
        made->allow_half_open(allow_half_open_);
        made->limit_handshakes(handshake_timeout_);
        made->connect(accepted.release());
        return server_access::make_socket(std::move(made));
    }

    server::connection_handler handler_;
    bool allow_half_open_;
    std::chrono::milliseconds handshake_timeout_;
    std::optional<semaphore> handshakes_;  // how many more may run at once; none: any number
    secure_context context_;
    client_certificates policy_;
    // Connections look a name up when their ClientHello comes; all is done on the loop's thread.
    std::shared_ptr<server_names> names_ = std::make_shared<server_names>();
    std::shared_ptr<const engine_options> behaviour_;

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

void server::on_tls_client_error(std::function<void(const error_info&, const socket&)> call)
{
    state().on_tls_client_error = std::move(call);
}

void server::on_uncaught(std::function<void(std::exception_ptr)> call)
{
    state().plain.on_uncaught(std::move(call));
}

void server::on_error(std::function<void(std::error_code)> call)
{
    state().plain.on_error(std::move(call));
}

void server::on_drop(std::function<void()> call)
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
