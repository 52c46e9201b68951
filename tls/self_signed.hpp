#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace coil::tls {

/// A certificate and its private key, both as PEM text.
struct self_signed_certificate {
    std::string cert;
    std::string key;
};

/// Makes a certificate that its own key signed, for trying things out: nobody trusts it unless told to.
///
/// The key is new, for P-256, and exists only in what is returned. Blocks for less than a millisecond.
/// @param names     DNS names and IP addresses that it covers, at least one; the first is also its common name.
/// @param valid_for  from now on; it is valid from an hour before, for clocks that are behind.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE without names, with an empty one or with one that no certificate can hold.
self_signed_certificate create_self_signed(const std::vector<std::string>& names,
                                           std::chrono::hours valid_for = std::chrono::hours(30 * 24));

}  // namespace coil::tls
