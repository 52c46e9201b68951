#pragma once

#include <coil/tls/certificate.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace coil::tls {

/// Why a certificate does not belong to a host.
/// Node: the error of tls.checkServerIdentity.
struct identity_error {
    std::string code;    ///< "ERR_TLS_CERT_ALTNAME_INVALID", or the code of a check of the program's own.
    std::string reason;  ///< "Host: a.com. is not in the cert's altnames: DNS:b.com".
    std::string host;    ///< The host that was checked.
};

/// Whether `cert` belongs to `hostname`, a DNS name or an IP address.
///
/// An address is compared only with `IP Address:` entries, a name only with `DNS:` entries, or, where there is none of
/// these, with the common names. A wildcard stands in the first label only and needs two more labels.
/// @return nothing if it does.
/// Throws: `tls::error` ERR_TLS_CERT_ALTNAME_FORMAT for a hand-made `subjectaltname` that breaks its quoting rule.
/// Node: tls.checkServerIdentity.   RFC 6125.
std::optional<identity_error> check_server_identity(std::string_view hostname, const certificate& cert);

}  // namespace coil::tls
