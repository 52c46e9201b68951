#pragma once

#include <coil/net/connect.hpp>

#include <chrono>

namespace coil::tls::internal {

/// What a client socket has still to do before its handshake.
struct connect_plan {
    net::connect_options where;
    std::chrono::milliseconds handshake_timeout;
};

}  // namespace coil::tls::internal
