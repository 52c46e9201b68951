#include "tools/coil/server_process.hpp"

#include <coil/runtime/signal.hpp>

#include "tools/coil/certificate_source.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <list>
#include <optional>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace coil::command {
namespace {

/// Written under another name first: who waits for the file never sees half of it.
void write_port_file(const std::string& path, std::uint16_t port)
{
    const std::string unfinished = path + ".new";
    std::ofstream file(unfinished);
    file << port << "\n";
    file.close();
    if (!file || std::rename(unfinished.c_str(), path.c_str()) != 0)
        throw usage_error("--port-file " + path + ": " + std::strerror(errno));
}

void require_listening(const net::listen_options& where, const std::error_code& error)
{
    if (error)
        throw usage_error("cannot listen on " + where.host + " port " + std::to_string(where.port) + ": " +
                          error.message() + " (" + error_name(error) + ")");
}

/// The threads of a server, and the signals that end them.
class server_process {
public:
    explicit server_process(worker_plan plan) : plan_(std::move(plan)) {}

    /// Throws: `usage_error` where one of the threads cannot listen; the others have then ended.
    net::address start(unsigned threads);
    /// Runs until all threads have ended.
    void run() { loop_.run(supervise()); }
    /// Ends all threads at once.
    void stop();

private:
    void check_port();
    net::address start_worker();
    task<> supervise();
    void worker_ended();

    worker_plan plan_;
    signal_set signals_{SIGINT, SIGTERM};  // before the threads, which inherit what it blocks
    coil::loop loop_{
        {.blocked_threshold = {}, .submission_entries = 8, .completion_entries = 64, .receive_buffers = 0}};
    stop_source all_ended_;
    std::size_t running_ = 0;
    std::list<worker> workers_;  // goes first: each waits for its thread
};

net::address server_process::start(unsigned threads)
{
    if (plan_.listen.reuse_port)
        check_port();
    try {
        const net::address where = start_worker();
        plan_.listen.port = where.port();
        for (unsigned i = 1; i < threads; ++i)
            static_cast<void>(start_worker());
        return where;
    } catch (...) {
        stop();
        throw;
    }
}

/// Sockets that may share a port with each other would also share it with those of another server.
void server_process::check_port()
{
    const std::optional<net::address> where = net::address::parse(plan_.listen.host, plan_.listen.port);
    const int probe = where ? ::socket(where->system_address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    const int on = 1;
    bool taken = false;
    if (probe >= 0 && ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0)
        taken = ::bind(probe, where->system_address(), where->system_size()) != 0;
    const std::error_code error = error_from_errno(taken ? errno : 0);
    if (probe >= 0)
        ::close(probe);
    require_listening(plan_.listen, error);
}

net::address server_process::start_worker()
{
    worker& started = workers_.emplace_back(plan_, [this] { loop_.post([this] { worker_ended(); }); });
    ++running_;
    const result<net::address> where = started.start();
    require_listening(plan_.listen, where.error());
    return *where;
}

void server_process::stop()
{
    for (worker& each : workers_)
        each.stop();
}

void server_process::worker_ended()
{
    if (--running_ == 0)
        all_ended_.request_stop();
}

task<> server_process::supervise()
{
    bool closing = false;
    co_await internal::use_stop_token(all_ended_.token());
    while (!all_ended_.stop_requested()) {
        const result<int> signal = co_await signals_.wait();
        if (!signal)
            continue;
        for (worker& each : workers_) {
            if (closing)
                each.stop();
            else
                each.close();
        }
        closing = true;
    }
}

}  // namespace

int run_server(const server_arguments& arguments, server_process_options options)
{
    const unsigned threads = arguments.thread_count();
    std::vector<std::string> protocols = arguments.tls.alpn_protocols();
    if (protocols.empty())
        protocols = options.default_alpn;
    worker_plan plan;
    plan.listen.host = arguments.address();
    plan.listen.port = arguments.port_number();
    plan.listen.reuse_port = threads > 1;
    plan.quiet = arguments.quiet;
    plan.service = std::move(options.service);
    plan.server = arguments.server_options();
    const server_identity identity = make_server_identity(arguments.tls, arguments.host);
    plan.server.allow_truncation = options.allow_truncation;
    plan.server.alpn_protocols = tls::alpn_protocol_list(protocols);
    plan.server.context = identity.context;

    server_process process(std::move(plan));
    const net::address where = process.start(threads);
    if (!arguments.port_file.empty()) {
        try {
            write_port_file(arguments.port_file, where.port());
        } catch (...) {
            process.stop();
            throw;
        }
    }
    if (!arguments.quiet) {
        terminal::errors().write(identity.notice);
        terminal::output().write(options.announcement(where, threads));
    }
    process.run();
    return 0;
}

}  // namespace coil::command
