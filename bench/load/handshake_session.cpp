#include "bench/load/handshake_session.hpp"

namespace bench {

handshake_session::handshake_session(poller& poll, const target& to, load_count& count)
    : poll_(&poll), target_(to), count_(&count), connection_(std::make_unique<connection>(poll, *this, to))
{
}

void handshake_session::ready()
{
    if (!ending_) {
        if (!connection_->open())
            return;
        connection_->end();
        ending_ = true;
    }
    if (!connection_->closed())
        return;
    connection_.reset();
    ++count_->done;
    ++count_->open;
    ending_ = false;
    connection_ = std::make_unique<connection>(*poll_, *this, target_);
}

}  // namespace bench
