#pragma once

#include <coil/tls/socket.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coil::command {

/// The head of a request.
struct http_request {
    std::vector<std::pair<std::string, std::string>> fields;
    bool expects_continue = false;  ///< The client waits for "100 Continue" before it sends the body.
    bool is_http_1_0 = false;
    bool keep_alive = false;
    std::string method;
    std::string target;

    /// The value of the field of this name; none if there is none. Where it stands on several lines, these are one list,
    /// joined by commas, which no field that is not a list can be taken for. @param name  in any case.   RFC 9110 §5.3.
    std::optional<std::string> field(std::string_view name) const;
    std::size_t count(std::string_view name) const;
};

/// What a request may cost.
struct http_limits {
    std::size_t body = 64 * 1024;    ///< Bytes of a body, which is read and dropped.
    std::size_t head = 16 * 1024;    ///< Bytes of request line and fields.
    std::size_t target = 8 * 1024;   ///< Bytes of the request-target.
    std::chrono::seconds idle{60};   ///< From one request to the next.
    std::chrono::seconds read{20};   ///< For a whole request, from its first byte.
    std::chrono::seconds write{30};  ///< For the client to make room for each piece of an answer.
};

/// Reads one request. The parser is Boost.Beast's.
class http_request_reader {
public:
    enum class outcome {
        complete,
        refused,  ///< It has to be answered with `refusal()`, and the connection has to end.
        lost,     ///< The connection ended.
    };

    /// @param received  what was received and not parsed yet; what follows the request stays in it.
    http_request_reader(tls::socket& socket, std::string& received, const http_limits& limits);
    ~http_request_reader();

    /// Reads request line and fields.
    task<outcome> head();
    /// Reads the body and drops it.
    task<outcome> body();

    const http_request& request() const noexcept { return request_; }
    /// Whether a body follows.
    bool has_body() const noexcept;
    /// A status code.
    int refusal() const noexcept { return refusal_; }

private:
    struct parser;

    task<bool> receive();
    outcome refuse(int status) noexcept;
    int status_of_parser() const;
    int status_of_head() const;
    void take_head();

    tls::socket& socket_;
    std::string& received_;
    const http_limits& limits_;
    std::chrono::steady_clock::time_point deadline_;
    std::size_t head_size_ = 0;
    std::unique_ptr<parser> parser_;
    http_request request_;
    int refusal_ = 0;
    bool timed_out_ = false;
};

}  // namespace coil::command
