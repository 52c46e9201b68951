#include "bench/load/exchange_session.hpp"

#include "bench/failure.hpp"

#include <array>
#include <cstring>

namespace bench {

exchange_session::exchange_session(poller& poll, const target& to, const exchange& what, starts& when,
                                   load_count& count)
    : connection_(poll, *this, to), exchange_(what), starts_(&when), count_(&count)
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
    if (size > exchange_.answer.size() - moved_)
        throw failure("the server sent more than it was asked for");
    if (std::memcmp(buffer.data(), exchange_.answer.data() + moved_, size) != 0)
        throw failure("the server sent something else than it was asked for");
    moved_ += size;
    if (moved_ < exchange_.answer.size())
        return size > 0;  // OpenSSL may hold more of it already
    moved_ = 0;
    starts_->answered();
    ++count_->done;
    if (++exchanges_ == exchange_.repeats)
        ++count_->finished;
    step_ = step::idle;
    return exchanges_ != exchange_.repeats;
}

}  // namespace bench
