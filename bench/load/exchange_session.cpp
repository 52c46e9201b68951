#include "bench/load/exchange_session.hpp"

#include "bench/failure.hpp"

#include <array>

namespace bench {

exchange_session::exchange_session(poller& poll, const target& to, const exchange& what, load_count& count)
    : connection_(poll, *this, to), exchange_(what), answer_(to.speaks, what.request), count_(&count)
{
}

void exchange_session::ready()
{
    if (!open_) {
        if (!connection_.open())
            return;
        open_ = true;
        ++count_->open;
    }
    if (exchange_.repeats != 0 && exchanges_ == exchange_.repeats) {
        if (connection_.closed())
            throw failure("the server ended an idle connection");
        return;
    }
    if (receiving_ && !receive())
        return;
    if (!receiving_)
        send();
}

void exchange_session::send()
{
    while (moved_ < exchange_.request.size()) {
        const std::size_t size = connection_.write(exchange_.request.subspan(moved_));
        if (size == 0)
            return;
        moved_ += size;
    }
    moved_ = 0;
    receiving_ = true;
}

/// @return whether the answer is complete and another request is to be sent.
bool exchange_session::receive()
{
    std::array<std::byte, 16 * 1024> buffer;
    const std::size_t size = connection_.read(buffer);
    if (size == 0 || !answer_.take(std::span(buffer).first(size)))
        return false;
    receiving_ = false;
    ++count_->done;
    if (++exchanges_ != exchange_.repeats)
        return true;
    ++count_->finished;
    return false;
}

}  // namespace bench
