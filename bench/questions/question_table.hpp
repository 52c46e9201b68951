#pragma once

#include "bench/credentials.hpp"

#include <coil/tls/server.hpp>

#include <openssl/ssl.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace bench::questions {

class waiting_room;

/// What a server is made of.
struct server_parts {
    coil::tls::server_options options;
    coil::tls::secure_context_options context;
    /// What is told to a server that is there; empty: nothing.
    std::function<void(coil::tls::server&)> tell = {};
};

/// A question that a handshake may wait for. What has to be there for it to be asked is there on both sides in all
/// measurements, also where nobody asks, so that these differ in the waiting alone.
struct question {
    /// Of the option that takes the handler.
    std::string_view name;
    std::string_view about;
    /// What the server has besides the handler; null: nothing.
    void (*prepare_server)(server_parts& parts, const std::string& certificate_file);
    /// Makes the server ask. The handler stays in `room`, which outlives the server, and answers what would count without it.
    void (*ask)(server_parts& parts, waiting_room& room, std::size_t number);
    /// What a client does, which names the server in any case; null: nothing else.
    void (*prepare_client)(SSL_CTX* client, const credentials& of_client);
};

/// All of them, in the order in which a handshake asks.
std::span<const question> question_table() noexcept;
/// Null if there is none of that name.
const question* find_question(std::string_view name) noexcept;

}  // namespace bench::questions
