#pragma once

#include "bench/load/answer.hpp"
#include "bench/load/connection.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace bench {

/// What a client sends; the server's protocol says what must come back.
struct exchange {
    std::span<const std::byte> request;
    /// How many times; 0: without end.
    std::size_t repeats = 0;
};

/// What all sessions of a load have got done.
struct load_count {
    std::size_t open = 0;
    /// Operations; in transfers bytes.
    double done = 0;
    std::size_t finished = 0;
};

/// A client that sends a request, checks the answer, and sends the next one.
class exchange_session final : public session {
public:
    exchange_session(poller& poll, const target& to, const exchange& what, load_count& count);
    void ready() override;

private:
    void send();
    bool receive();

    connection connection_;
    exchange exchange_;
    answer answer_;
    load_count* count_;
    bool open_ = false;
    bool receiving_ = false;
    std::size_t moved_ = 0;
    std::size_t exchanges_ = 0;
};

}  // namespace bench
