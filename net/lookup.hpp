#pragma once

#include <coil/net/address.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coil::net {

/// The addresses of a host, in the order in which the system would try them.
///
/// The name service is asked on another thread; an address in text needs no asking.
/// @param family  only addresses of this family, which must be an IP family; none: of both.
/// @return at least one address.
/// Errors: `errc::host_not_found`, `errc::lookup_failed`, `errc::canceled`; the system's. `info()` names the host.
/// Node: dns.lookup.
task<detailed_result<std::vector<address>>> lookup(std::string host, std::uint16_t port,
                                                   std::optional<address_family> family = std::nullopt);

}  // namespace coil::net
