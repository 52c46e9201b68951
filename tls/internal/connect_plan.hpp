#pragma once

#include <coil/net/connect.hpp>

namespace coil::tls::internal {

/// What a client socket has still to do before its handshake.
struct connect_plan {
    net::connect_options where;
};

}  // namespace coil::tls::internal
