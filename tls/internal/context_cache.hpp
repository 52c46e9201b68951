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

/// Throws: `tls::error` ERR_INVALID_ARG_VALUE if there is a context and also something to make one of.
void check_only_one(const secure_context& context, const secure_context_options& options);

}  // namespace coil::tls::internal
