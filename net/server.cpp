#include <coil/net/server.hpp>

#include <coil/net/internal/admission.hpp>
#include <coil/net/internal/failure.hpp>
#include <coil/net/internal/listener.hpp>
#include <coil/net/internal/socket_transport.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/shielded.hpp>
#include <coil/runtime/timer.hpp>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace coil::net {
namespace internal {
namespace {

/// What a server of plain sockets does to open a connection.
task<task<>> hand_over(const server::connection_handler& call, socket accepted)
{
    co_return call.start(std::move(accepted));
}

}  // namespace

/// The inside of a server; it does not move, so that its connections can refer to it.
class server_state final : private coil::internal::drainable {
public:
    server_state(server_options options, connection_opener opener) : options_(options), opener_(std::move(opener)) {}
    ~server_state();

    detailed_result<> listen(const listen_options& options)
    {
        if (listener_)
            return errc::already_listening;
        if (shutdowns_.use_count() > 1)
            return errc::already_in_progress;
        const result<net::address> where = place_of(options);
        if (!where)
            return failed(listen_failure(where.error(), options.path.empty() ? options.host : options.path));
        const auto open = [&](const net::address& at) {
            return listener::open(
                at, options, options_.no_delay, [this](descriptor connected) { accept(std::move(connected)); },
                [this](std::error_code why) { listening_failed_.report(why); });
        };
        auto opened = open(*where);
        if (!opened && opened.error() == std::errc::address_family_not_supported && options.host.empty() &&
            options.path.empty())
            opened = open(net::address::any(address_family::ipv4, options.port));
        if (!opened)
            return failed(listen_failure(opened.error(), *where));
        listener_ = std::move(*opened);
        loop& here = loop::current();
        if (!linked())
            here.attend_drain(*this);
        if (here.draining().stop_requested())
            here.enqueue(late_drain_);
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
    /// Keeps the server from listening for as long as somebody has it.
    std::shared_ptr<const int> hold_shutdown() const noexcept { return shutdowns_; }
    /// Destroys what is left of all connections in the loop's next pass, in which none of them runs.
    void destroy_connections() noexcept { loop::current().enqueue(destruction_); }
    /// Those that come later are not stopped, so they belong to another scope.
    void request_stop() noexcept
    {
        std::erase_if(stopped_, [](const std::unique_ptr<scope>& each) { return each->size() == 0; });
        connections_->request_stop();
        stopped_.push_back(std::exchange(connections_, std::make_unique<scope>()));
    }

    handler<void(std::exception_ptr)> on_uncaught;
    handler<void()> on_drop;
    handler<void(std::error_code)> on_error;

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

    /// What the loop runs for the server, in a pass of its own.
    template <void (server_state::*call)()>
    class later final : public coil::internal::ready_item {
    public:
        explicit later(server_state& home) noexcept : home_(home) {}
        void run() noexcept override { (home_.*call)(); }

    private:
        server_state& home_;
    };

    void begin_drain() noexcept override { static_cast<void>(close()); }

    void accept(descriptor connected)
    {
        auto bytes = std::make_unique<socket_transport>(std::move(connected));
        if (!has_room()) {
            if (drops_++ == 0)
                loop::current().enqueue(drop_report_);
            return;
        }
        if (options_.max_connections > 0)
            bytes->count_in(admission_);
        connections_->spawn(serve(place(*this), std::move(bytes)));
    }

    /// Makes room where that takes no more than to reset connections that were given up.
    bool has_room() const noexcept
    {
        const std::size_t most = options_.max_connections;
        if (most == 0)
            return true;
        if (open_ >= most)
            return false;
        while (admission_->descriptors() >= most)
            if (!admission_->make_room())
                return false;
        return true;
    }

    /// Nobody awaits what a coroutine is told with.
    static task<> hear(task<> telling)
    {
        try {
            co_await telling;
        } catch (...) {
            loop::current().uncaught(std::current_exception(), "a handler of a server");
        }
    }

    /// A function is called; a coroutine belongs to the server, and ends with it.
    template <class... Args>
    void tell(const handler<void(Args...)>& whom, Args... what)
    {
        if (whom.waits())
            connections_->spawn(hear(whom(std::move(what)...)));
        else
            whom.call(std::move(what)...);
    }

    /// Calls `on_drop` outside of the completion handler, so that it may close the server or destroy it.
    void report_drop()
    {
        if (--drops_ > 0)
            loop::current().enqueue(drop_report_);
        if (const handler<void()> call = on_drop)
            tell(call);
    }

    /// The same for an exception that left a handler, whose frames still stand when it is caught.
    void report_uncaught()
    {
        const std::exception_ptr first = std::move(uncaught_.front());
        uncaught_.erase(uncaught_.begin());
        if (!uncaught_.empty())
            loop::current().enqueue(uncaught_report_);
        if (const handler<void(std::exception_ptr)> call = on_uncaught)
            tell(call, first);
        else
            loop::current().tell_uncaught(first, "a connection handler");
    }

    void destroy_all()
    {
        const auto stopped = std::exchange(stopped_, {});  // what the frames destroy may come back here
        const auto rest = std::exchange(connections_, std::make_unique<scope>());
    }

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
            const handler<void(std::error_code)> call = home_.on_error;
            const std::error_code why = why_;
            if (home_.close() && call)
                home_.tell(call, why);  // it may listen again, or destroy the server
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
        socket accepted(std::move(bytes), {.allow_half_open = options_.allow_half_open});
        if (options_.keep_alive)
            static_cast<void>(accepted.set_keep_alive(true, options_.keep_alive_initial_delay));
        return opener_(std::move(accepted));
    }

    void report(std::exception_ptr uncaught)
    {
        uncaught_.push_back(std::move(uncaught));
        if (uncaught_.size() == 1)
            loop::current().enqueue(uncaught_report_);
    }

    void left() noexcept
    {
        --open_;
        report_closed();
    }

    void report_closed() noexcept
    {
        if (!is_closed())
            return;
        coil::internal::drainable::unlink();
        coil::internal::end_all(waiting_);
    }

    server_options options_;
    connection_opener opener_;
    const std::shared_ptr<admission> admission_ = std::make_shared<admission>();
    std::size_t open_ = 0;
    std::size_t drops_ = 0;
    std::vector<std::exception_ptr> uncaught_;
    std::shared_ptr<const int> shutdowns_ = std::make_shared<const int>();
    later<&server_state::report_drop> drop_report_{*this};
    later<&server_state::report_uncaught> uncaught_report_{*this};
    later<&server_state::begin_drain> late_drain_{*this};
    later<&server_state::destroy_all> destruction_{*this};
    failure_report listening_failed_{*this};
    coil::internal::waiter_queue waiting_{"server::closed()"};
    std::unique_ptr<listener> listener_;
    std::vector<std::unique_ptr<scope>> stopped_;  // connections that were stopped and have not ended
    std::unique_ptr<scope> connections_ =
        std::make_unique<scope>();  // last, as the former: the tasks refer to the rest
};

server_state::~server_state()
{
    if (connections_->runs_now() ||
        std::any_of(stopped_.begin(), stopped_.end(), [](const auto& each) { return each->runs_now(); }))
        coil::internal::stop_program("a server is destroyed by one of its own connection handlers");
    coil::internal::end_all(waiting_, errc::destroyed);
    for (const std::exception_ptr& each : uncaught_)  // nobody calls `on_uncaught` of what is being destroyed
        loop::current().tell_uncaught(each, "a connection handler");
}

bool closed_wait::await_ready() noexcept
{
    return of_->is_closed() && !end_now();
}

bool closed_wait::start() noexcept
{
    return queue_in(of_->waiting_);
}

namespace {

constexpr std::chrono::seconds time_to_obey(1);

using closed_awaitable = coil::internal::awaitable<closed_wait, server_state*>;

/// A server that is destroyed meanwhile is not touched any more.
task<std::size_t> shut_down(server_state& home, std::chrono::nanoseconds grace)
{
    const std::shared_ptr<const int> held = home.hold_shutdown();
    static_cast<void>(home.close());
    const result<> finished = co_await with_timeout(grace, closed_awaitable(&home));
    if (finished || finished.error() == errc::destroyed)
        co_return 0;
    const std::size_t cut_off = home.connections();
    home.request_stop();
    const result<> obeyed = co_await shielded(with_timeout(time_to_obey, closed_awaitable(&home)));
    if (obeyed.error() == errc::timed_out) {
        home.destroy_connections();
        const result<> destroyed = co_await shielded(closed_awaitable(&home));
        static_cast<void>(destroyed);
    }
    co_return cut_off;
}

}  // namespace
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

task<std::size_t> server::shutdown(std::chrono::nanoseconds grace) &
{
    return internal::shut_down(state(), grace);
}

void server::on_uncaught(handler<void(std::exception_ptr)> call)
{
    state().on_uncaught = std::move(call);
}

void server::on_drop(handler<void()> call)
{
    state().on_drop = std::move(call);
}

void server::on_error(handler<void(std::error_code)> call)
{
    state().on_error = std::move(call);
}

void server::request_stop() noexcept
{
    state().request_stop();
}

server create_server(server_options options, server::connection_handler handler)
{
    if (!handler)
        throw std::invalid_argument("net::create_server: the handler is empty");
    return create_server(options, [handler = std::move(handler)](socket accepted) {
        return internal::hand_over(handler, std::move(accepted));
    });
}

server create_server(server_options options, internal::connection_opener opener)
{
    return server(std::make_unique<internal::server_state>(options, std::move(opener)));
}

}  // namespace coil::net
