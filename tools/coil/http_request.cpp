#include "tools/coil/http_request.hpp"

#include <coil/runtime/timer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <span>

namespace coil::command {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t receive_size = 4096;

/// A body of which nothing is kept.
struct dropped_body {
    struct value_type {};

    class reader {
    public:
        template <bool IsRequest, class Fields>
        reader(http::header<IsRequest, Fields>&, value_type&)
        {
        }
        void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& error) { error = {}; }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::beast::error_code& error)
        {
            error = {};
            return boost::asio::buffer_size(buffers);
        }
        void finish(boost::beast::error_code& error) { error = {}; }
    };
};

bool equal_ignoring_case(std::string_view a, std::string_view b)
{
    return boost::beast::iequals(a, b);
}

/// Whether everything that an Expect field asks for is known here, which is "100-continue" alone.   RFC 9110 §10.1.1.
bool is_known_expectation(std::string_view field)
{
    const http::opt_token_list expectations(field);
    return http::validate_list(expectations) &&
           std::all_of(expectations.begin(), expectations.end(),
                       [](std::string_view each) { return equal_ignoring_case(each, "100-continue"); });
}

/// Whether `text` is of the form host [":" port], or empty where a request has no host.   RFC 9112 §3.2, RFC 3986 §3.2.2.
bool is_host(std::string_view text)
{
    const auto only = [](std::string_view part, std::string_view others) {
        return std::ranges::all_of(part, [others](unsigned char c) {
            return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                   others.find(static_cast<char>(c)) != others.npos;
        });
    };
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    if (bracket == text.npos)
        return false;
    const std::size_t colon = std::min(text.find(':', bracket), text.size());
    const std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(std::min(colon + 1, text.size()));
    const bool is_literal =
        bracket > 0 && host.size() == bracket + 1 && only(host.substr(1, bracket - 1), ":.-_~!$&'()*+,;=%");
    return (is_literal || only(host, "-._~!$&'()*+,;=%")) &&
           std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether a line of a head goes on in the next one.   RFC 9112 §5.2.
bool has_folded_line(std::string_view head)
{
    head = head.substr(0, head.find("\r\n\r\n"));
    return head.find("\r\n ") != head.npos || head.find("\r\n\t") != head.npos;
}

/// "HTTP/2.0": the form of a version, but none that is spoken here.
bool ends_with_other_version(std::string_view line)
{
    while (line.ends_with('\r') || line.ends_with('\n'))
        line.remove_suffix(1);
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (line.size() < 9)
        return false;
    const std::string_view version = line.substr(line.size() - 9);
    return version.starts_with(" HTTP/") && digit(version[6]) && version[7] == '.' && digit(version[8]) &&
           version != " HTTP/1.0" && version != " HTTP/1.1";
}

}  // namespace

std::optional<std::string> http_request::field(std::string_view name) const
{
    std::optional<std::string> joined;
    for (const auto& [key, value] : fields) {
        if (!equal_ignoring_case(key, name))
            continue;
        joined = joined ? *joined + ", " + value : value;
    }
    return joined;
}

std::size_t http_request::count(std::string_view name) const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(fields, [name](const auto& each) { return equal_ignoring_case(each.first, name); }));
}

struct http_request_reader::parser {
    http::request_parser<dropped_body> beast;
    boost::beast::error_code error;
    bool is_folded = false;  // which the parser itself allows

    /// Parses what it can of `received` and removes that.
    std::size_t put(std::string& received)
    {
        error = {};
        const bool in_head = !beast.is_header_done();
        const std::size_t used = beast.put(boost::asio::buffer(received), error);
        is_folded = is_folded || (in_head && has_folded_line(std::string_view(received).substr(0, used)));
        received.erase(0, used);
        return used;
    }
    bool wants_more() const { return error == http::error::need_more; }
};

http_request_reader::http_request_reader(tls::socket& socket, std::string& received, const http_limits& limits)
    : socket_(socket),
      received_(received),
      limits_(limits),
      deadline_(std::chrono::steady_clock::now() + limits.read),
      parser_(std::make_unique<parser>())
{
    // Size limits are checked here: Beast counts each header field by itself.
    parser_->beast.header_limit(static_cast<std::uint32_t>(4 * limits.head));
    parser_->beast.body_limit(limits.body);
}

http_request_reader::~http_request_reader() = default;

bool http_request_reader::has_body() const noexcept
{
    return !parser_->beast.is_done();
}

http_request_reader::outcome http_request_reader::refuse(int status) noexcept
{
    refusal_ = status;
    return outcome::refused;
}

task<bool> http_request_reader::receive()
{
    const std::size_t before = received_.size();
    received_.resize(before + receive_size);
    const std::span<std::byte> room = std::as_writable_bytes(std::span(received_)).subspan(before);
    result<std::size_t> count = co_await with_deadline(deadline_, socket_.read(room));
    received_.resize(before + (count ? *count : 0));
    timed_out_ = count.error() == errc::timed_out;
    co_return count.has_value();
}

task<http_request_reader::outcome> http_request_reader::head()
{
    std::size_t parsed = 0;
    for (;;) {
        while (head_size_ == 0 && received_.starts_with("\r\n"))  // RFC 9112 §2.2
            received_.erase(0, 2);
        if (!received_.empty()) {
            parsed = parser_->put(received_);
            head_size_ += parsed;
            if (head_size_ > limits_.head)
                co_return refuse(431);
            if (parser_->beast.is_header_done())
                break;
            if (parser_->error && !parser_->wants_more())
                co_return refuse(status_of_parser());
            if (head_size_ == 0 && received_.size() > limits_.target && received_.find('\n') > limits_.target)
                co_return refuse(414);
            if (head_size_ + received_.size() > limits_.head)
                co_return refuse(431);
            if (parsed > 0 && !parser_->error)
                continue;
        }
        const bool more = co_await receive();
        if (!more && timed_out_ && (head_size_ > 0 || !received_.empty()))
            co_return refuse(408);
        if (!more)
            co_return outcome::lost;
    }
    take_head();
    const int status = status_of_head();
    if (status != 0)
        co_return refuse(status);
    co_return outcome::complete;
}

task<http_request_reader::outcome> http_request_reader::body()
{
    bool more = true;
    while (!parser_->beast.is_done()) {
        if (!received_.empty()) {
            const std::size_t used = parser_->put(received_);
            if (parser_->error && !parser_->wants_more())
                co_return refuse(status_of_parser());
            if (received_.size() > limits_.head)
                co_return refuse(400);  // a line between chunks that does not end
            if (used > 0)
                continue;
        }
        more = co_await receive();
        if (!more && timed_out_)
            co_return refuse(408);
        if (!more)
            co_return outcome::lost;
    }
    co_return outcome::complete;
}

int http_request_reader::status_of_parser() const
{
    if (parser_->error == http::error::body_limit)
        return 413;
    if (parser_->error == http::error::header_limit)
        return 431;
    if (parser_->error == http::error::bad_version &&
        ends_with_other_version(std::string_view(received_).substr(0, received_.find('\n'))))
        return 505;
    return 400;
}

void http_request_reader::take_head()
{
    const auto& message = parser_->beast.get();
    const auto text = [](boost::beast::string_view of) { return std::string(of.data(), of.size()); };
    request_.method = text(message.method_string());
    request_.target = text(message.target());
    request_.is_http_1_0 = message.version() == 10;
    request_.keep_alive = parser_->beast.keep_alive();
    for (const auto& field : message)
        request_.fields.emplace_back(text(field.name_string()), text(field.value()));
    request_.expects_continue = !request_.is_http_1_0 && request_.count("Expect") > 0;
}

/// What RFC 9112 demands beyond the grammar.
int http_request_reader::status_of_head() const
{
    if (parser_->is_folded)
        return 400;
    if (request_.target.size() > limits_.target)
        return 414;
    if (request_.count("Host") > 1 || (!request_.is_http_1_0 && request_.count("Host") == 0))
        return 400;  // §3.2
    if (!is_host(request_.field("Host").value_or("")))
        return 400;
    if (request_.expects_continue && !is_known_expectation(*request_.field("Expect")))
        return 417;
    if (const std::optional<std::string> coding = request_.field("Transfer-Encoding")) {
        if (request_.is_http_1_0 || request_.count("Content-Length") > 0)
            return 400;  // §6.1: where the body ends is then open to doubt
        if (request_.count("Transfer-Encoding") > 1 || !equal_ignoring_case(*coding, "chunked"))
            return 501;
    }
    return 0;
}

}  // namespace coil::command
