#include <coil/net/server.hpp>

#include <coil/net/internal/failure.hpp>
#include <coil/net/internal/listener.hpp>
#include <coil/net/internal/socket_transport.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>

#include <vector>

namespace coil::net {
namespace internal {
namespace {

/// What a server of plain sockets does to open a connection.
task<task<>> hand_over(const server::connection_handler& handler, socket accepted)
{
    co_return handler(std::move(accepted));
}

}  // namespace

/// The inside of a server; it does not move, so that its connections can refer to it.
class server_state {
public:
    server_state(server_options options, connection_opener opener) : options_(options), opener_(std::move(opener)) {}
    ~server_state() { coil::internal::end_all(waiting_); }

    detailed_result<> listen(const listen_options& options)
    {
        if (listener_)
            return errc::already_listening;
        const result<net::address> where = place_of(options);
        if (!where)
            return failed(listen_failure(where.error(), options.path.empty() ? options.host : options.path));
        const auto open = [&](const net::address& at) {
            return listener::open(at, options, options_.no_delay,
                                  [this](descriptor connected) { accept(std::move(connected)); },
                                  [this](std::error_code why) { listening_failed_.report(why); });
        };
        auto opened = open(*where);
        if (!opened && opened.error() == std::errc::address_family_not_supported && options.host.empty() &&
            options.path.empty())
            opened = open(net::address::any(address_family::ipv4, options.port));
        if (!opened)
            return failed(listen_failure(opened.error(), *where));
        listener_ = std::move(*opened);
        return {};
    }

    result<> close() noexcept
    {
        if (!listener_)
            return errc::server_not_running;
        listening_failed_.unlink();  // of a listener that goes now
        listener_.reset();
        report_closed();
        return {};
    }

    bool is_closed() const noexcept { return !listener_ && open_ == 0; }
    const listener* listening() const noexcept { return listener_.get(); }
    std::size_t connections() const noexcept { return open_; }
    /// Those that come later are not stopped, so they belong to another scope.
    void request_stop() noexcept
    {
        std::erase_if(stopped_, [](const std::unique_ptr<scope>& each) { return each->size() == 0; });
        connections_->request_stop();
        stopped_.push_back(std::exchange(connections_, std::make_unique<scope>()));
    }

    std::function<void(std::exception_ptr)> on_uncaught;
    std::function<void()> on_drop;
    std::function<void(std::error_code)> on_error;

private:
    friend class closed_wait;

    static detailed_result<> failed(error_info why) { return std::make_shared<const error_info>(std::move(why)); }

    static result<net::address> place_of(const listen_options& options)
    {
        if (!options.path.empty()) {
            if (const auto path = net::address::of_path(options.path))
                return *path;
            return errc::name_too_long;
        }
        if (options.host.empty())
            return net::address::any(address_family::ipv6, options.port);
        if (const auto ip = net::address::parse(options.host, options.port))
            return *ip;
        if (options.host == "localhost")
            return *net::address::parse("127.0.0.1", options.port);
        return errc::host_not_found;
    }

    void accept(descriptor connected)
    {
        if (options_.max_connections > 0 && open_ >= options_.max_connections) {
            connected.close();
            if (drops_++ == 0)
                loop::current().enqueue(drop_report_);
            return;
        }
        connections_->spawn(serve(place(*this), std::make_unique<socket_transport>(std::move(connected))));
    }

    /// Calls `on_drop` outside of the completion handler, so that it may close the server or destroy it.
    class drop_report final : public coil::internal::ready_item {
    public:
        explicit drop_report(server_state& home) noexcept : home_(home) {}
        void run() noexcept override
        {
            if (--home_.drops_ > 0)
                loop::current().enqueue(*this);
            if (const std::function<void()> call = home_.on_drop)
                call();
        }

    private:
        server_state& home_;
    };

    /// Closes a server whose socket does not accept any more, outside of the completion handler.
    class failure_report final : public coil::internal::ready_item {
    public:
        explicit failure_report(server_state& home) noexcept : home_(home) {}
        void report(std::error_code why) noexcept
        {
            why_ = why;
            loop::current().enqueue(*this);
        }
        void run() noexcept override
        {
            const std::function<void(std::error_code)> call = home_.on_error;
            const std::error_code why = why_;
            if (home_.close() && call)
                call(why);  // it may listen again, or destroy the server
        }

    private:
        server_state& home_;
        std::error_code why_;
    };

    /// A connection's place among the open ones, from its acceptance until its coroutine is gone, started or not.
    class place {
    public:
        explicit place(server_state& home) noexcept : home_(&home) { ++home.open_; }
        place(place&& other) noexcept : home_(std::exchange(other.home_, nullptr)) {}
        ~place()
        {
            if (home_)
                home_->left();
        }

        server_state& home() const noexcept { return *home_; }

    private:
        server_state* home_;
    };

    /// Each open connection keeps this frame, so it holds no more than it has to.
    static coil::internal::spawned serve(place held, std::unique_ptr<transport> bytes)
    {
        try {
            task<> running = co_await held.home().open(bytes);
            co_await running;
        } catch (...) {
            held.home().report(std::current_exception());
        }
    }

    task<task<>> open(std::unique_ptr<transport>& bytes) const
    {
        socket accepted(std::move(bytes));
        if (options_.keep_alive)
            static_cast<void>(accepted.set_keep_alive(true, options_.keep_alive_initial_delay));
        return opener_(std::move(accepted));
    }

    /// An exception that leaves `on_uncaught` has nowhere to go and ends the program.
    void report(std::exception_ptr uncaught) const noexcept
    {
        if (on_uncaught)
            on_uncaught(std::move(uncaught));
    }

    void left() noexcept
    {
        --open_;
        report_closed();
    }

    void report_closed() noexcept
    {
        if (is_closed())
            coil::internal::end_all(waiting_);
    }

    server_options options_;
    connection_opener opener_;
    std::size_t open_ = 0;
    std::size_t drops_ = 0;
    drop_report drop_report_{*this};
    failure_report listening_failed_{*this};
    coil::internal::waiter_queue waiting_{"server::closed()"};
    std::unique_ptr<listener> listener_;
    std::vector<std::unique_ptr<scope>> stopped_;  // connections that were stopped and have not ended
    std::unique_ptr<scope> connections_ =
        std::make_unique<scope>();  // last, as the former: the tasks refer to the rest
};

bool closed_wait::begin(std::coroutine_handle<> awaiting, stop_token token) noexcept
{
    if (!of_ || of_->is_closed() || token.stop_requested())
        return false;
    return queue_in(of_->waiting_, awaiting, token);
}

}  // namespace internal

server::server(std::unique_ptr<internal::server_state> state) noexcept : state_(std::move(state)) {}
server::server(server&& other) noexcept = default;
server& server::operator=(server&& other) noexcept = default;
server::~server() = default;

internal::server_state& server::state() const noexcept
{
    if (!state_)
        coil::internal::stop_program("a net::server that was moved from is used");
    return *state_;
}

detailed_result<> server::listen(const listen_options& options)
{
    return state().listen(options);
}

std::optional<net::address> server::address() const
{
    return state().listening() ? state().listening()->local_address() : std::nullopt;
}

bool server::listening() const noexcept
{
    return state().listening() != nullptr;
}

std::size_t server::connections() const noexcept
{
    return state().connections();
}

result<> server::close() noexcept
{
    return state().close();
}

void server::on_uncaught(std::function<void(std::exception_ptr)> call)
{
    state().on_uncaught = std::move(call);
}

void server::on_drop(std::function<void()> call)
{
    state().on_drop = std::move(call);
}

void server::on_error(std::function<void(std::error_code)> call)
{
    state().on_error = std::move(call);
}

void server::request_stop() noexcept
{
    state().request_stop();
}

server create_server(server_options options, server::connection_handler handler)
{
    return create_server(options, [handler = std::move(handler)](socket accepted) {
        return internal::hand_over(handler, std::move(accepted));
    });
}

server create_server(server_options options, internal::connection_opener opener)
{
    return server(std::make_unique<internal::server_state>(options, std::move(opener)));
}

}  // namespace coil::net
