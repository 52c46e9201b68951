#include "tools/coil/verification_text.hpp"

#include <array>
#include <utility>

namespace coil::command {
namespace {

using entry = std::pair<std::string_view, std::string_view>;

constexpr std::array texts{
    entry("CERT_CHAIN_TOO_LONG", "the chain has more certificates than are looked at"),
    entry("CERT_HAS_EXPIRED", "a certificate has expired"),
    entry("CERT_NOT_YET_VALID", "a certificate is not valid yet"),
    entry("CERT_REJECTED", "the authority is marked as not to be trusted for this use"),
    entry("CERT_REVOKED", "a certificate was revoked"),
    entry("CERT_SIGNATURE_FAILURE", "a signature is wrong: the certificate was changed or forged"),
    entry("CERT_UNTRUSTED", "the authority is not trusted for this use"),
    entry("DEPTH_ZERO_SELF_SIGNED_CERT", "the server signed its certificate itself: no authority vouches for it"),
    entry("INVALID_CA", "an authority in the chain may not issue certificates"),
    entry("INVALID_PURPOSE", "the certificate is not meant for servers"),
    entry("PATH_LENGTH_EXCEEDED", "the chain is longer than an authority in it allows"),
    entry("SELF_SIGNED_CERT_IN_CHAIN", "the chain ends at an authority that is not trusted here"),
    entry("UNABLE_TO_GET_CRL", "there is no revocation list of the authority"),
    entry("UNABLE_TO_GET_ISSUER_CERT", "an issuer in the chain is not known"),
    entry("UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
          "the issuer is not trusted here, or the server does not send its intermediate certificates"),
    entry("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "the server sends one certificate only, and its issuer is not known"),
};

}  // namespace

std::string verification_text(std::string_view code, std::string_view host, std::string_view reason)
{
    if (code == "ERR_TLS_CERT_ALTNAME_INVALID")
        return "the certificate is for other names than " + std::string(host);
    for (const auto& [known, text] : texts)
        if (known == code)
            return std::string(text);
    return "the certificate could not be verified" + (reason.empty() ? std::string() : ": " + std::string(reason));
}

}  // namespace coil::command
