#pragma once

#include <coil/runtime/internal/chunk.hpp>
#include <coil/tls/internal/openssl.hpp>

#include <cstddef>
#include <span>

namespace coil::tls::internal {

class engine_state;

/// The ciphertext of one connection on its way between OpenSSL and the transport.
///
/// What OpenSSL reads comes from `input` first and then straight from the bytes that were lent; what it writes goes to the
/// end of `output`. OpenSSL's own memory BIO never shrinks, which costs tens of KiB for each idle connection.
struct ciphertext {
    /// What OpenSSL's callbacks look for: they find it here, because OpenSSL's own place for such a reference costs two
    /// allocations for each connection.
    engine_state& owner;

    coil::internal::chunk_queue input;
    coil::internal::chunk_queue output;
    std::span<const std::byte> lent;
    bool muted = false;  ///< What OpenSSL still writes is dropped.

    bool has_input() const noexcept { return !input.empty() || !lent.empty(); }
};

/// A BIO over `bytes`, which must outlive it.
bio_ptr make_bio(ciphertext& bytes);
/// What `make_bio` was given.
ciphertext& ciphertext_of(BIO* bio) noexcept;

}  // namespace coil::tls::internal
