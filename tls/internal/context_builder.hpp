#pragma once

#include <coil/tls/internal/context_state.hpp>

namespace coil::tls::internal {

/// Makes the state of a context. Throws: `tls::error`.
std::shared_ptr<const context_state> build_context(const secure_context_options& options);

}  // namespace coil::tls::internal
