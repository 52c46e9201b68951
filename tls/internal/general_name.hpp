#pragma once

#include <coil/tls/internal/openssl.hpp>

#include <optional>
#include <string>

namespace coil::tls::internal {

/// A general name of a certificate extension as text.
struct general_name {
    std::string kind;   ///< "DNS", "IP Address", "URI", …
    std::string value;  ///< As it stands in the certificate.
    /// "DNS:example.com"; a value that could be taken for something else is written as a JSON string, so that neither an
    /// embedded zero byte nor a separator makes up further names.
    std::string text;
};

/// Nothing if the name cannot be decoded.
std::optional<general_name> describe(const GENERAL_NAME& name);

}  // namespace coil::tls::internal
