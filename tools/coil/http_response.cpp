#include "tools/coil/http_response.hpp"

#include "tools/coil/http_date.hpp"

#include <chrono>
#include <utility>

namespace coil::command {

std::string_view reason_phrase(int status)
{
    switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
    }
}

http_response http_response::explanation(int status)
{
    http_response made(status);
    made.set_text("text/plain; charset=utf-8",
                  std::to_string(status) + " " + std::string(reason_phrase(status)) + "\n");
    return made;
}

http_response& http_response::add_field(std::string_view name, std::string_view value)
{
    fields_.append(name).append(": ").append(value).append("\r\n");
    return *this;
}

void http_response::set_text(std::string_view type, std::string text)
{
    add_field("Content-Type", type);
    size_ = text.size();
    text_ = std::move(text);
}

void http_response::set_file(std::string_view type, file content, std::uint64_t offset, std::uint64_t size)
{
    add_field("Content-Type", type);
    content_.emplace(std::move(content));
    offset_ = offset;
    size_ = size;
}

std::string http_response::head(bool keep_alive, bool is_http_1_0) const
{
    std::string made = "HTTP/1.1 " + std::to_string(status_) + " " + std::string(reason_phrase(status_)) + "\r\n";
    made += "Date: " + http_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())) +
            "\r\nServer: coil\r\n" + fields_;
    if (status_ != 204 && status_ != 304)
        made += "Content-Length: " + std::to_string(size_) + "\r\n";
    if (!keep_alive)
        made += "Connection: close\r\n";
    else if (is_http_1_0)
        made += "Connection: keep-alive\r\n";
    return made + "\r\n";
}

}  // namespace coil::command
