#include <coil/net/lookup.hpp>

#include <coil/net/internal/failure.hpp>
#include <coil/runtime/offload.hpp>

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>

namespace coil::net {
namespace {

/// @param number  errno as the call left it.
std::error_code lookup_error(int code, int number) noexcept
{
    switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY: return errc::host_not_found;
    case EAI_SYSTEM:  // glibc says so also where no system call has failed
        return number != 0 ? error_from_errno(number) : make_error_code(errc::lookup_failed);
    case EAI_MEMORY: return error_from_errno(ENOMEM);
    default: return errc::lookup_failed;
    }
}

/// Blocks; runs on a worker thread.
result<std::vector<address>> ask_system(const std::string& host, std::uint16_t port,
                                        std::optional<address_family> family)
{
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_family = AF_UNSPEC;
    if (family)
        wanted.ai_family = *family == address_family::ipv4 ? AF_INET : AF_INET6;
    addrinfo* found = nullptr;
    errno = 0;  // what another call has left tells nothing of this one
    if (const int code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found))
        return lookup_error(code, errno);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::vector<address> addresses;
    for (const addrinfo* each = found; each; each = each->ai_next) {
        sockaddr_storage storage{};
        std::memcpy(&storage, each->ai_addr, each->ai_addrlen);
        addresses.push_back(address::from_system(storage, each->ai_addrlen).with_port(port));
    }
    if (addresses.empty())
        return errc::host_not_found;
    return addresses;
}

}  // namespace

task<detailed_result<std::vector<address>>> lookup(std::string host, std::uint16_t port,
                                                   std::optional<address_family> family)
{
    const auto failed = [&host](std::error_code why) {
        return std::make_shared<const error_info>(internal::lookup_failure(why, host));
    };
    if (const std::optional<address> ip = address::parse(host, port)) {
        if (family && *family != ip->family())
            co_return failed(errc::host_not_found);
        co_return std::vector<address>(1, *ip);
    }
    if (host.find('\0') != std::string::npos)
        co_return failed(errc::host_not_found);  // the system would ask for what is before it
    auto ask = [host, port, family] { return ask_system(host, port, family); };
    auto asked = offload(std::move(ask));
    result<std::vector<address>> addresses = co_await asked;
    if (!addresses)
        co_return failed(addresses.error());
    co_return addresses;
}

}  // namespace coil::net
