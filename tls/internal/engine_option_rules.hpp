#pragma once

#include <coil/tls/engine.hpp>

#include <span>

namespace coil::tls::internal {

/// An option that only one side can honour.
struct role_rule {
    bool given;
    tls::role side;
    const char* name;
};

/// Refuses what is only of use on the other side: whoever says it expects something that would not happen.
/// Throws: `tls::error` ERR_INVALID_ARG_VALUE.
void check_roles(tls::role role, std::span<const role_rule> rules);

/// The same for all options of an engine, and for those among them that do not go together.
/// Throws: also ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS, ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED.
void check_options(tls::role role, const engine_options& options);

}  // namespace coil::tls::internal
