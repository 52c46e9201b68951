#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/signature.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace coil::tls::internal {

/// OpenSSL's name of the digest that goes with it; empty where none does.
std::string_view digest_name(signature_scheme scheme) noexcept;
bool is_pss(signature_scheme scheme) noexcept;

/// The scheme of a signature with a key of this kind. @param digest  OpenSSL's name; empty for none.
std::optional<signature_scheme> scheme_of(EVP_PKEY* key, std::string_view digest, bool pss) noexcept;

/// Throws: `tls::error`.
std::vector<std::byte> sign(EVP_PKEY* key, signature_scheme scheme, std::span<const std::byte> message);
bool verifies(EVP_PKEY* key, signature_scheme scheme, std::span<const std::byte> message,
              std::span<const std::byte> made) noexcept;

}  // namespace coil::tls::internal
