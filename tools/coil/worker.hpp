#pragma once

#include <coil/net/address.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/cancel.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/tls/server.hpp>

#include "tools/coil/access_log.hpp"

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace coil::command {

/// What the connections of one loop share.
class service_context {
public:
    service_context(scope& writers, bool log) : log_(writers, log) {}

    /// Stopped when no new request should be begun: the server is closing.
    stop_token closing() noexcept { return closing_.token(); }
    access_log& log() noexcept { return log_; }

    void close() noexcept { closing_.request_stop(); }

private:
    stop_source closing_;
    access_log log_;
};

/// Makes the handler for the connections of one loop.
using service = std::function<tls::server::connection_handler(service_context& context)>;

/// How each of the threads of a server works.
struct worker_plan {
    net::listen_options listen;
    bool quiet = false;
    tls::server_options server;
    command::service service;
};

/// A thread with a loop and a server of its own.
class worker {
public:
    /// @param on_end  called on the worker's thread as the last thing that it does.
    worker(worker_plan plan, std::function<void()> on_end);
    ~worker();

    /// Starts the thread. @return where it listens.
    /// Errors: why it does not.   Throws: what kept the thread from being set up.
    result<net::address> start();
    /// Accepts no more, lets open requests finish for a while, then ends. From any thread.
    void close();
    /// Ends without letting anything finish. From any thread.
    void stop();

private:
    struct parts;

    void run() noexcept;
    task<> serve();
    task<> limit_closing();
    void begin_closing();
    void post(std::function<void()> call);

    worker_plan plan_;
    std::function<void()> on_end_;
    std::promise<result<net::address>> started_;
    bool has_started_ = false;  // or has said why not
    std::mutex mutex_;
    coil::loop* loop_ = nullptr;  // guarded by mutex_
    parts* parts_ = nullptr;      // on the thread's loop only
    std::thread thread_;
};

}  // namespace coil::command
