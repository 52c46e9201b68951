#include "bench/load/exchange_session.hpp"

#include "bench/failure.hpp"

#include <array>

namespace bench {

exchange_session::exchange_session(poller& poll, const target& to, const exchange& what, starts& when,
                                   load_count& count)
    : connection_(poll, *this, to), exchange_(what), answer_(to.speaks, what.request), starts_(&when), count_(&count)
{
}

void exchange_session::ready()
{
    while (go_on()) {}
}

/// Takes one step. @return whether it is done, and the next one may be too.
bool exchange_session::go_on()
{
    switch (step_) {
    case step::handshake:
        if (!connection_.open())
            return false;
        step_ = step::idle;
        ++count_->open;
        if (exchange_.repeats == 0)
            ++count_->finished;
        return true;
    case step::idle: return begin();
    case step::request: return send();
    case step::answer: return receive();
    }
    return false;
}

bool exchange_session::begin()
{
    if (exchanges_ < exchange_.repeats && starts_->begin()) {
        step_ = step::request;
        return true;
    }
    std::byte unexpected;
    if (connection_.read({&unexpected, 1}) != 0)  // what is no data, such as tickets, is welcome
        throw failure("the server sent something without being asked");
    return false;
}

bool exchange_session::send()
{
    while (moved_ < exchange_.request.size()) {
        const std::size_t size = connection_.write(exchange_.request.subspan(moved_));
        if (size == 0)
            return false;
        moved_ += size;
    }
    moved_ = 0;
    step_ = step::answer;
    return false;  // no answer is here yet
}

bool exchange_session::receive()
{
    std::array<std::byte, 16 * 1024> buffer;
    const std::size_t size = connection_.read(buffer);
    if (size == 0)
        return false;
    if (!answer_.take(std::span(buffer).first(size)))
        return true;  // OpenSSL may hold more of it already
    starts_->answered();
    ++count_->done;
    if (++exchanges_ == exchange_.repeats)
        ++count_->finished;
    step_ = step::idle;
    return exchanges_ != exchange_.repeats;
}

}  // namespace bench
