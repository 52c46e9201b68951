#pragma once

#include <coil/tls/internal/openssl.hpp>

#include <cstddef>
#include <string_view>

namespace coil::tls::internal {

/// The built-in root certificates, each one PEM text; made when coil is built.
extern const std::string_view root_certificate_pems[];
extern const std::size_t root_certificate_count;

/// The store of the built-in roots that all contexts share, made on first use. Nothing may be added to it.
X509_STORE* shared_root_store();

/// A store of the same roots for one context, to which more may be added.
x509_store_ptr copy_of_root_store();

}  // namespace coil::tls::internal
