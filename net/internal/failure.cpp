#include <coil/net/internal/failure.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <string>
#include <utility>

namespace coil::net::internal {
namespace {

/// A joint message names the attempts up to this many.
constexpr std::size_t most_named = 4;

/// As Node.js writes it: an IPv6 address gets no brackets.
std::string place_text(const std::string& where, std::uint16_t port)
{
    return port == 0 ? where : where + ":" + std::to_string(port);
}

error_info failed_call(const std::error_code& error, std::string_view syscall)
{
    error_info info = describe_error(error);
    info.syscall = syscall;
    info.message = info.syscall + " " + info.code;
    return info;
}

void name_address(error_info& info, const address& where)
{
    info.address = where.family() == address_family::unix_path ? where.path() : where.ip();
    info.port = where.port();
    info.message += " " + place_text(info.address, info.port);
}

/// libuv's texts where they are others than the system's, which begin with a capital besides.
std::string listen_text(const error_info& info)
{
    switch (info.system_number) {
    case EADDRNOTAVAIL: return "address not available";
    case EAFNOSUPPORT: return "address family not supported";
    case ENAMETOOLONG: return "name too long";
    default: break;
    }
    std::string text = info.error.message();
    if (!text.empty())
        text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    return text;
}

error_info failed_listen(const std::error_code& error)
{
    error_info info = failed_call(error, "listen");
    info.message += ": " + listen_text(info);
    return info;
}

}  // namespace

error_info lookup_failure(std::error_code error, std::string_view host)
{
    error_info info = failed_call(error, "getaddrinfo");
    info.hostname = host;
    info.message += " " + info.hostname;
    return info;
}

error_info connect_failure(std::error_code error, const address& remote, const std::optional<address>& local)
{
    error_info info = failed_call(error, "connect");
    name_address(info, remote);
    if (local) {
        info.local_address = local->ip();
        info.local_port = local->port();
        info.message += " - Local (" + info.local_address + ":" + std::to_string(info.local_port) + ")";
    }
    return info;
}

error_info bind_failure(std::error_code error, const address& local)
{
    error_info info = failed_call(error, "bind");
    name_address(info, local);
    info.local_address = info.address;
    info.local_port = info.port;
    return info;
}

error_info connect_failure(std::error_code error, std::string_view host, std::uint16_t port)
{
    error_info info = failed_call(error, "connect");
    info.hostname = host;
    info.port = port;
    info.message += " " + place_text(info.hostname, port);
    return info;
}

error_info listen_failure(std::error_code error, const address& where)
{
    error_info info = failed_listen(error);
    name_address(info, where);
    return info;
}

error_info listen_failure(std::error_code error, std::string_view host_or_path)
{
    error_info info = failed_listen(error);
    info.address = host_or_path;
    info.message += " " + info.address;
    return info;
}

error_info stream_failure(std::error_code error, std::string_view syscall)
{
    return failed_call(error, syscall);
}

error_info joint_failure(std::vector<error_info> attempts)
{
    error_info joint = attempts.front();
    if (attempts.size() == 1)
        return joint;
    const std::size_t named = std::min(attempts.size(), most_named);
    for (std::size_t i = 1; i < named; ++i)
        joint.message += "; " + attempts[i].message;
    if (named < attempts.size())
        joint.message += "; and " + std::to_string(attempts.size() - named) + " more";
    joint.errors = std::move(attempts);
    return joint;
}

}  // namespace coil::net::internal
