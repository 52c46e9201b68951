#pragma once

#include <coil/tls/certificate.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <optional>

namespace coil::tls::internal {

/// None where an attribute is no text.
std::optional<distinguished_name> read_name(const X509_NAME* name);

/// All that `certificate` says about one certificate, without its issuer.
certificate read_certificate(X509* from);

/// Only what the check of a server's identity looks at: names. Much cheaper than all of it.
certificate read_names(X509* from);

/// Who issued `subject`: one of those received, or one that `store` has, which may be null. Null where it is neither, or where
/// `subject` is issued by itself.
x509_ptr find_issuer(X509* subject, STACK_OF(X509) * received, X509_STORE* store);

/// `leaf` with its issuers, found among `received` first and then in `store`.
certificate read_certificate_chain(X509* leaf, STACK_OF(X509) * received, X509_STORE* store);

}  // namespace coil::tls::internal
