#pragma once

#include "bench/load/exchange_session.hpp"

#include <memory>

namespace bench {

/// A client that connects, shakes hands, ends the connection in order, and begins again.
class handshake_session final : public session {
public:
    handshake_session(poller& poll, const target& to, load_count& count);
    void ready() override;

private:
    poller* poll_;
    target target_;
    load_count* count_;
    std::unique_ptr<connection> connection_;
    bool ending_ = false;
};

}  // namespace bench
