#pragma once

#include <coil/tls/internal/context_state.hpp>

#include <cstddef>

namespace coil::tls::internal {

/// A context made of `options`, shared with everybody who asks for the same while it is in use, and a little longer: making
/// one takes milliseconds, and a hundred with many certificates. Equal are options with equal contents under the same
/// `settings`; which files they came from does not matter. From any thread.
/// Throws: as `create_secure_context`.
secure_context shared_context(const secure_context_options& options);

/// How many contexts `shared_context` knows that are in use or kept.
std::size_t shared_contexts() noexcept;

}  // namespace coil::tls::internal
