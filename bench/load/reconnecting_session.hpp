#pragma once

#include "bench/load/answer.hpp"
#include "bench/load/connection.hpp"
#include "bench/load/starts.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace bench {

/// A client that connects, shakes hands, perhaps exchanges something, ends the connection, and begins again.
class reconnecting_session final : public session {
public:
    enum class ending {
        orderly,  ///< close_notify both ways
        reset,    ///< as if the client had died
    };

    /// @param request  empty: there is no exchange.
    reconnecting_session(poller& poll, const target& to, std::span<const std::byte> request, ending how, starts& when,
                         load_count& count);
    void ready() override;

private:
    enum class step { idle, handshake, request, answer, end };

    bool go_on();
    void connect();
    bool send();
    bool receive();
    bool end();

    poller* poll_;
    target target_;
    std::span<const std::byte> request_;
    answer answer_;
    ending how_;
    starts* starts_;
    load_count* count_;
    openssl_ptr<SSL_SESSION> newest_;
    std::unique_ptr<connection> connection_;
    step step_ = step::idle;
    std::size_t moved_ = 0;
    bool ending_ = false;
    bool counted_ = false;
};

}  // namespace bench
