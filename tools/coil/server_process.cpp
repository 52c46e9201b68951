#include "tools/coil/server_process.hpp"

#include <coil/runtime/cluster.hpp>

#include "tools/coil/certificate_source.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <future>
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

/// Sockets that may share a port with each other would also share it with those of another server.
void check_port(const net::listen_options& wanted)
{
    const std::optional<net::address> where = net::address::parse(wanted.host, wanted.port);
    const int probe = where ? ::socket(where->system_address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    const int on = 1;
    bool taken = false;
    if (probe >= 0 && ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0)
        taken = ::bind(probe, where->system_address(), where->system_size()) != 0;
    const std::error_code error = error_from_errno(taken ? errno : 0);
    if (probe >= 0)
        ::close(probe);
    require_listening(wanted, error);
}

/// The threads of a server. The first one that listens decides on the port of the others.
class server_process {
public:
    /// @param on        what each thread's loop runs on.
    /// @param announce  called once all listen; an exception that leaves it ends them.
    server_process(worker_plan plan, coil::backend on, std::function<void(const net::address&)> announce)
        : plan_(std::move(plan)), backend_(on), announce_(std::move(announce))
    {
    }

    /// Runs until all threads have ended.   Throws: `usage_error` where one of them cannot listen.
    void run(unsigned threads)
    {
        cluster_options options;
        options.loop.backend = backend_;
        options.loop.blocked_threshold = {};  // what goes to stderr is about the server
        options.workers = threads;
        cluster(options).run([this](coil::worker self) { return start(self); });
    }

private:
    task<> start(const coil::worker& self)
    {
        worker_plan plan = plan_;
        if (self.index() == 0)
            return start_first(std::move(plan), self);
        plan.listen.port = known_where_.get().port();
        return start(std::move(plan), self);
    }

    task<> start(worker_plan plan, coil::worker self)
    {
        return work(std::move(plan), [this, self](const result<net::address>& where) { listening(self, where); });
    }

    /// The others wait until it listens.
    task<> start_first(worker_plan plan, coil::worker self)
    {
        try {
            task<> working = start(std::move(plan), self);
            co_await working;
        } catch (...) {
            if (listening_ == 0)
                where_.set_exception(std::current_exception());
            throw;
        }
    }

    void listening(const coil::worker& self, const result<net::address>& where)
    {
        require_listening(plan_.listen, where.error());
        if (self.index() == 0)
            where_.set_value(*where);
        if (++listening_ == self.count())
            announce_(*where);
    }

    worker_plan plan_;
    coil::backend backend_;
    std::function<void(const net::address&)> announce_;
    std::promise<net::address> where_;
    std::shared_future<net::address> known_where_ = where_.get_future().share();
    std::atomic<unsigned> listening_ = 0;
};

}  // namespace

int run_server(const server_arguments& arguments, server_process_options options)
{
    const unsigned threads = arguments.thread_count();
    const coil::backend backend = arguments.loop_backend();
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
    plan.server.secure_context = identity.context;

    if (plan.listen.reuse_port)
        check_port(plan.listen);
    server_process process(std::move(plan), backend, [&](const net::address& where) {
        if (!arguments.port_file.empty())
            write_port_file(arguments.port_file, where.port());
        if (!arguments.quiet) {
            terminal::errors().write(identity.notice);
            terminal::output().write(options.announcement(where, threads));
        }
    });
    process.run(threads);
    return 0;
}

}  // namespace coil::command
