#pragma once

#include <coil/tls/engine.hpp>

namespace coil::tls::internal {

/// Refuses what is only of use on the other side: whoever says it expects something that would not happen.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE, ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS.
void check_options(tls::role role, const engine_options& options);

}  // namespace coil::tls::internal
