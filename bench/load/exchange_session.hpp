#pragma once

#include "bench/load/answer.hpp"
#include "bench/load/connection.hpp"
#include "bench/load/starts.hpp"

#include <cstddef>
#include <limits>
#include <span>

namespace bench {

/// What a client sends; the server's protocol says what must come back.
struct exchange {
    static constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();

    std::span<const std::byte> request;
    /// How many times.
    std::size_t repeats = endless;
};

/// A client that sends a request, checks the answer, and sends the next one.
class exchange_session final : public session {
public:
    exchange_session(poller& poll, const target& to, const exchange& what, starts& when, load_count& count);
    void ready() override;

private:
    enum class step { handshake, idle, request, answer };

    bool go_on();
    bool begin();
    bool send();
    bool receive();

    connection connection_;
    exchange exchange_;
    answer answer_;
    starts* starts_;
    load_count* count_;
    step step_ = step::handshake;
    std::size_t moved_ = 0;
    std::size_t exchanges_ = 0;
};

}  // namespace bench
