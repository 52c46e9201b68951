#pragma once

#include <coil/tls/internal/openssl.hpp>
#include <coil/tls/secure_context.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coil::tls::internal {

/// "ca", or "ca (roots.pem)" if it came from a file.
std::string subject_of(std::string_view option, const pem& value);

/// How many blocks of PEM `text` begins whose kind ends in `kind`. OpenSSL's readers of one block leave the rest unseen.
std::size_t count_blocks(std::string_view text, std::string_view kind);

/// The one private key in `text`. @param subject  what it is, for messages. Throws: `tls::error`.
evp_pkey_ptr read_private_key(const std::string& text, const std::optional<std::string>& passphrase,
                              const std::string& subject);

}  // namespace coil::tls::internal
