#pragma once

#include <coil/runtime/internal/chunk.hpp>
#include <coil/tls/engine.hpp>

namespace coil::tls::internal {

/// What the TLS socket needs of an engine beside its public face.
struct engine_access {
    /// The ciphertext for the transport, to be moved out without a copy.
    static coil::internal::chunk_queue& output(engine& from) noexcept;
};

}  // namespace coil::tls::internal
