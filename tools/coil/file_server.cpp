#include "tools/coil/file_server.hpp"

#include "tools/coil/byte_range.hpp"
#include "tools/coil/content_type.hpp"
#include "tools/coil/http_date.hpp"
#include "tools/coil/precondition.hpp"
#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>

namespace coil::command {
namespace {

constexpr std::string_view allowed_methods = "GET, HEAD, OPTIONS";

// Of a FIFO only the opening must not wait; nothing is read from it.
constexpr int open_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

int open_folder(const std::string& folder)
{
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        throw usage_error(printable(folder) + ": " + std::strerror(errno));
    return descriptor;
}

int status_of(const std::error_code& error)
{
    if (error.category() != std::system_category())
        return 503;
    switch (error.value()) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: return 404;
    case EACCES:
    case EPERM:
    case ENXIO:  // a Unix socket
    case EXDEV:  // a link that leads out of the folder
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: return 503;
    default: return 500;
    }
}

std::string etag_of(const file_status& status)
{
    std::array<char, 40> text;
    const auto modified = static_cast<unsigned long long>(status.modified.time_since_epoch().count());
    const int size = std::snprintf(text.data(), text.size(), "\"%llx-%llx\"", modified,
                                   static_cast<unsigned long long>(status.size));
    return {text.data(), static_cast<std::size_t>(size)};
}

/// A file may say that it was changed in the future, a client may not be told so.   RFC 9110 §8.8.2.1.
validators validators_of(const file_status& status)
{
    const auto modified = std::min(status.modified, std::chrono::system_clock::now());
    return {.etag = etag_of(status), .modified = std::chrono::floor<std::chrono::seconds>(modified)};
}

void add_validators(http_response& response, const validators& current)
{
    response.add_field("Last-Modified", http_date(current.modified)).add_field("ETag", current.etag);
}

byte_range range_of(const http_request& request, const validators& current, std::uint64_t size)
{
    const std::optional<std::string> field = request.field("Range");
    if (!field || request.method != "GET" || request.count("Range") > 1 || !range_applies(request, current))
        return {};
    return parse_range(*field, size);
}

http_response answer_file(const http_request& request, file content, const file_status& status, std::string_view name)
{
    const validators current = validators_of(status);
    const precondition condition = evaluate_preconditions(request, current);
    if (condition == precondition::failed)
        return http_response::explanation(412);
    if (condition == precondition::not_modified) {
        http_response response(304);
        add_validators(response, current);
        return response;
    }
    const byte_range range = range_of(request, current, status.size);
    if (range.kind == byte_range::kind::unsatisfiable) {
        http_response response = http_response::explanation(416);
        response.add_field("Content-Range", "bytes */" + std::to_string(status.size));
        return response;
    }
    const bool part = range.kind == byte_range::kind::part;
    http_response response(part ? 206 : 200);
    add_validators(response, current);
    response.add_field("Accept-Ranges", "bytes").add_field("X-Content-Type-Options", "nosniff");
    if (part) {
        response.add_field("Content-Range", "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) +
                                                "/" + std::to_string(status.size));
        response.set_file(content_type(name), std::move(content), range.first, range.last - range.first + 1);
    } else {
        response.set_file(content_type(name), std::move(content), 0, status.size);
    }
    return response;
}

bool is_known_method(std::string_view method)
{
    for (const std::string_view known : {"POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"})
        if (method == known)
            return true;
    return false;
}

}  // namespace

file_server::file_server(const std::string& folder) : root_(open_folder(folder)) {}

task<http_response> file_server::answer(const http_request& request) const
{
    const bool options = request.method == "OPTIONS";
    if (!options && request.method != "GET" && request.method != "HEAD") {
        http_response refusal = http_response::explanation(is_known_method(request.method) ? 405 : 501);
        if (refusal.status() == 405)
            refusal.add_field("Allow", allowed_methods);
        co_return refusal;
    }
    const request_path path = parse_request_path(request.target);
    if (options && (request.target == "*" || path.kind == request_path::kind::names)) {
        http_response methods(204);
        methods.add_field("Allow", allowed_methods);
        co_return methods;
    }
    switch (path.kind) {
    case request_path::kind::malformed: co_return http_response::explanation(400);
    case request_path::kind::outside: co_return http_response::explanation(403);
    case request_path::kind::nothing: co_return http_response::explanation(404);
    case request_path::kind::names: break;
    }
    http_response response = co_await answer_path(request, path);
    co_return response;
}

task<http_response> file_server::answer_path(const http_request& request, const request_path& path) const
{
    const std::string name = path.relative.empty() ? "." : path.relative;
    result<file> opened = co_await file::open_below(root_, name, open_flags);
    if (!opened)
        co_return http_response::explanation(status_of(opened.error()));
    const result<file_status> status = co_await opened->status();
    if (!status)
        co_return http_response::explanation(status_of(status.error()));
    if (status->is_directory) {
        http_response folder = co_await answer_folder(request, path);
        co_return folder;
    }
    if (!status->is_regular)
        co_return http_response::explanation(403);
    if (path.is_folder)
        co_return http_response::explanation(404);
    co_return answer_file(request, std::move(*opened), *status, name);
}

task<http_response> file_server::answer_folder(const http_request& request, const request_path& path) const
{
    if (!path.is_folder) {
        http_response moved = http_response::explanation(301);
        moved.add_field("Location", path.as_folder + path.query);
        co_return moved;
    }
    const std::string index = path.relative.empty() ? "index.html" : path.relative + "/index.html";
    result<file> opened = co_await file::open_below(root_, index, open_flags);
    if (!opened)
        co_return http_response::explanation(status_of(opened.error()));
    const result<file_status> status = co_await opened->status();
    if (!status)
        co_return http_response::explanation(status_of(status.error()));
    if (!status->is_regular)
        co_return http_response::explanation(404);
    co_return answer_file(request, std::move(*opened), *status, index);
}

}  // namespace coil::command
