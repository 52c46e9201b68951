#pragma once

#include <coil/runtime/task.hpp>
#include <coil/tls/socket.hpp>

#include "tools/coil/file_server.hpp"
#include "tools/coil/http_request.hpp"
#include "tools/coil/worker.hpp"

#include <string>

namespace coil::command {

/// The HTTP/1.1 of one loop: requests one after the other on each connection, answered by a file server.
class http_service {
public:
    http_service(const file_server& files, const http_limits& limits, service_context& context)
        : files_(files), limits_(limits), context_(context)
    {
    }

    /// Serves one connection to its end. Between requests it holds no buffer.
    task<> run(tls::socket socket);

private:
    /// What became of one request.
    enum class outcome {
        answered,  ///< Another request may follow.
        last,      ///< It was answered, and the connection is to end in order.
        cut_off,   ///< The client is gone, or did not get all of the answer: no orderly end.
    };

    task<bool> wait_for_request(tls::socket& socket, std::string& received);
    task<outcome> exchange(tls::socket& socket, std::string& received);
    task<bool> read_body(tls::socket& socket, http_request_reader& reader, http_response& response);
    task<bool> send(tls::socket& socket, const http_request& request, const http_response& response, bool keep_alive);
    task<bool> drop_input(tls::socket& socket);
    task<> end(tls::socket& socket);
    task<bool> send_file(tls::socket& socket, std::string head, const http_response& response);
    void log(const tls::socket& socket, const http_request& request, const http_response& response);

    const file_server& files_;
    const http_limits& limits_;
    service_context& context_;
};

}  // namespace coil::command
