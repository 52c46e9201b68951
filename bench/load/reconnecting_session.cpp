#include "bench/load/reconnecting_session.hpp"

#include <array>

namespace bench {

reconnecting_session::reconnecting_session(poller& poll, const target& to, std::span<const std::byte> request,
                                           ending how, starts& when, load_count& count)
    : poll_(&poll),
      target_(to),
      request_(request),
      answer_(to.speaks, request),
      how_(how),
      starts_(&when),
      count_(&count)
{
    connect();
}

void reconnecting_session::ready()
{
    while (go_on()) {}
}

/// Takes one step. @return whether it is done, and the next one may be too.
bool reconnecting_session::go_on()
{
    switch (step_) {
    case step::idle:
        if (!starts_->begin())
            return false;
        connect();
        return false;
    case step::handshake:
        if (!connection_->open())
            return false;
        step_ = request_.empty() ? step::end : step::request;
        if (request_.empty())
            starts_->answered();
        return true;
    case step::request: return send();
    case step::answer: return receive();
    case step::end: return end();
    }
    return false;
}

void reconnecting_session::connect()
{
    connection_ = std::make_unique<connection>(*poll_, *this, target_, &newest_);
    step_ = step::handshake;
    moved_ = 0;
    ending_ = false;
}

bool reconnecting_session::send()
{
    while (moved_ < request_.size()) {
        const std::size_t size = connection_->write(request_.subspan(moved_));
        if (size == 0)
            return false;
        moved_ += size;
    }
    moved_ = 0;
    step_ = step::answer;
    return true;
}

bool reconnecting_session::receive()
{
    std::array<std::byte, 16 * 1024> buffer;
    const std::size_t size = connection_->read(buffer);
    if (size == 0)
        return false;
    if (answer_.take(std::span(buffer).first(size))) {
        starts_->answered();
        step_ = step::end;
    }
    return true;
}

bool reconnecting_session::end()
{
    if (how_ == ending::reset) {
        connection_->reset();
    } else {
        if (!ending_)
            connection_->end();
        ending_ = true;
        if (!connection_->closed())
            return false;
    }
    connection_.reset();
    ++count_->done;
    if (!counted_)
        ++count_->open;
    counted_ = true;
    step_ = step::idle;
    return true;
}

}  // namespace bench
