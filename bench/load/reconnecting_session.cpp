#include "bench/load/reconnecting_session.hpp"

#include "bench/failure.hpp"

#include <array>
#include <cstring>

namespace bench {

reconnecting_session::reconnecting_session(poller& poll, const target& to, std::span<const std::byte> message,
                                           ending how, starts& when, load_count& count)
    : poll_(&poll), target_(to), message_(message), how_(how), starts_(&when), count_(&count)
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
        step_ = message_.empty() ? step::end : step::request;
        if (message_.empty())
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
    while (moved_ < message_.size()) {
        const std::size_t size = connection_->write(message_.subspan(moved_));
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
    if (size > message_.size() - moved_)
        throw failure("the server sent more than it was asked for");
    if (std::memcmp(buffer.data(), message_.data() + moved_, size) != 0)
        throw failure("the server sent something else than it was asked for");
    moved_ += size;
    if (moved_ == message_.size()) {
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
