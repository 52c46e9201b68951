#pragma once

/// Everything of coil's TLS: node:tls, name for name.

#include <coil/tls/certificate.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/constants.hpp>
#include <coil/tls/engine.hpp>
#include <coil/tls/error.hpp>
#include <coil/tls/ocsp.hpp>
#include <coil/tls/offload_signing.hpp>
#include <coil/tls/private_key.hpp>
#include <coil/tls/psk.hpp>
#include <coil/tls/secure_context.hpp>
#include <coil/tls/server.hpp>
#include <coil/tls/server_identity.hpp>
#include <coil/tls/socket.hpp>
