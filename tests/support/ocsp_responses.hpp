#pragma once

#include <coil/tls/ocsp.hpp>

#include "tests/support/credentials.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace coil::test {

/// What a response is to say.
struct ocsp_response_options {
    /// OpenSSL's name of the digest in the certificate's name.
    const char* digest = "SHA1";
    /// From now; none: not said.
    std::optional<std::chrono::seconds> next_update = std::chrono::hours(1);
    /// CRLReason of RFC 5280 §5.3.1; -1: not said.
    int reason = -1;
    /// From now.
    std::chrono::seconds revoked_at = std::chrono::hours(-1);
    /// Who signs; null: the issuer.
    const identity* signer = nullptr;
    tls::ocsp_status status = tls::ocsp_status::good;
    /// From now.
    std::chrono::seconds this_update = std::chrono::minutes(-1);
};

/// A responder's answer about a certificate that `issuer` issued, DER.
std::vector<std::byte> ocsp_response(const identity& about, const authority& issuer,
                                     const ocsp_response_options& options = {});

/// A responder's answer that is none. @param status  OCSPResponseStatus of RFC 6960 §4.2.1.
std::vector<std::byte> ocsp_refusal(int status);

/// The first certificate of a PEM text, as plain data.
tls::certificate certificate_of(const std::string& pem);

}  // namespace coil::test
