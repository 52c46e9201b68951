#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/ocsp.hpp>

#include <cstddef>
#include <span>

namespace coil::tls::internal {

/// Judges an OCSP response: see `verify_ocsp`.
ocsp_finding check_ocsp_response(std::span<const std::byte> response, X509* cert, X509* issuer,
                                 const ocsp_check_options& options);

/// Whether the certificate says that it must not be shown without a stapled response. RFC 7633 §4.
bool demands_staple(X509* cert) noexcept;

}  // namespace coil::tls::internal
