#include "tools/coil/worker.hpp"

#include <coil/runtime/timer.hpp>

#include "tools/coil/terminal.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace coil::command {
namespace {

constexpr std::chrono::seconds time_to_finish(5);

void complain(std::string_view what)
{
    terminal::errors().write("coil: " + printable(what) + "\n");
}

void complain_of(const std::exception_ptr& uncaught)
{
    try {
        std::rethrow_exception(uncaught);
    } catch (const std::exception& error) {
        complain(std::string("a connection failed: ") + error.what());
    }
}

std::string failed_handshake(const tls::error_info& info, const tls::socket& socket)
{
    const std::optional<net::address> peer = socket.remote_address();
    return (peer ? peer->to_string() : std::string("?")) + " no secure connection: " + info.code + " " +
           printable(info.message);
}

}  // namespace

/// What lives on the thread's loop. In the frame of `serve`, so that it goes before the loop, whatever happens.
struct worker::parts {
    explicit parts(worker& of)
        : context(writers, !of.plan_.quiet),
          server(tls::create_server(of.plan_.server, of.plan_.service(context))),
          owner(of)
    {
        owner.parts_ = this;
    }
    ~parts() { owner.parts_ = nullptr; }
    parts(const parts&) = delete;
    parts& operator=(const parts&) = delete;

    scope writers;
    service_context context;
    tls::server server;
    scope limit;
    worker& owner;
};

worker::worker(worker_plan plan, std::function<void()> on_end) : plan_(std::move(plan)), on_end_(std::move(on_end)) {}

worker::~worker()
{
    if (thread_.joinable())
        thread_.join();
}

result<net::address> worker::start()
{
    std::future<result<net::address>> started = started_.get_future();
    thread_ = std::thread([this] { run(); });
    return started.get();
}

void worker::close()
{
    post([this] { begin_closing(); });
}

void worker::stop()
{
    post([this] {
        begin_closing();
        if (parts_)
            parts_->server.request_stop();
    });
}

void worker::post(std::function<void()> call)
{
    const std::lock_guard lock(mutex_);
    if (loop_)
        loop_->post(std::move(call));
}

void worker::run() noexcept
{
    const auto publish = [this](coil::loop* loop) {
        const std::lock_guard lock(mutex_);
        loop_ = loop;
    };
    try {
        coil::loop loop({.blocked_threshold = {}});  // what goes to stderr is about the server
        publish(&loop);
        try {
            loop.run(serve());
        } catch (...) {
            publish(nullptr);
            throw;
        }
        publish(nullptr);
    } catch (const std::exception& error) {
        if (has_started_)
            complain(error.what());
        else
            started_.set_exception(std::current_exception());
    }
    on_end_();
}

task<> worker::serve()
{
    parts own(*this);
    own.server.on_uncaught(complain_of);
    own.server.on_tls_client_error([&log = own.context.log()](const tls::error_info& info, const tls::socket& socket) {
        if (log.on())
            log.add(failed_handshake(info, socket));
    });
    const result<> listening = own.server.listen(plan_.listen);
    has_started_ = true;
    if (!listening) {
        started_.set_value(listening.error());
        co_return;
    }
    started_.set_value(own.server.address().value());
    static_cast<void>(co_await own.server.closed());
    own.limit.request_stop();
    co_await own.limit.join();
    own.context.log().finish();
    co_await own.writers.join();
}

void worker::begin_closing()
{
    if (!parts_ || !parts_->server.listening())
        return;
    static_cast<void>(parts_->server.close());
    parts_->context.close();
    parts_->limit.spawn(limit_closing());
}

task<> worker::limit_closing()
{
    const result<> passed = co_await sleep_for(time_to_finish);
    if (passed && parts_)
        parts_->server.request_stop();
}

}  // namespace coil::command
