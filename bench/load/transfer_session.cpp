#include "bench/load/transfer_session.hpp"

#include "bench/failure.hpp"
#include "bench/scenario.hpp"

#include <algorithm>
#include <cstring>

namespace bench {

transfer_session::transfer_session(poller& poll, const target& to, direction way, std::size_t size, load_count& count)
    : connection_(poll, *this, to), direction_(way), size_(size), count_(&count), buffer_(write_size)
{
    for (std::size_t i = 0; i < length_.size(); ++i)
        length_[i] = static_cast<std::byte>(size >> (8 * (7 - i)));
}

void transfer_session::ready()
{
    while (go_on()) {}
}

/// Takes one step. @return whether it is done, and the next one may be too.
bool transfer_session::go_on()
{
    const bool down = direction_ == direction::download;
    bool done = false;
    switch (step_) {
    case step::handshake:
        if (!connection_.open())
            return false;
        ++count_->open;
        step_ = step::idle;
        return true;
    case step::idle: return begin();
    case step::length: done = send_length(); break;
    case step::body: done = down ? receive_body() : send_body(); break;
    case step::receipt: done = receive_receipt(); break;
    }
    if (!done)
        return false;
    moved_ = 0;
    if (step_ == step::length) {
        step_ = step::body;
        return !down;  // nothing of the answer is here yet
    }
    if (step_ == step::body && !down) {
        step_ = step::receipt;
        return false;
    }
    --count_->transfers;
    step_ = step::idle;
    return true;
}

bool transfer_session::begin()
{
    if (count_->transfers_may_begin) {
        ++count_->transfers;
        step_ = step::length;
        return true;
    }
    std::byte unexpected;
    if (connection_.read({&unexpected, 1}) != 0)  // what is no data, such as tickets, is welcome
        throw failure("the server sent something without being asked");
    return false;
}

bool transfer_session::send_length()
{
    while (moved_ < length_.size()) {
        const std::size_t size = connection_.write(std::span(length_).subspan(moved_));
        if (size == 0)
            return false;
        moved_ += size;
    }
    return true;
}

bool transfer_session::send_body()
{
    while (moved_ < size_) {
        const std::size_t offset = moved_ % write_size;
        const std::size_t part = std::min(write_size - offset, size_ - moved_);
        const std::size_t size = connection_.write(pattern().subspan(offset, part));
        if (size == 0)
            return false;
        moved_ += size;
        count_->done += static_cast<double>(size);
    }
    return true;
}

bool transfer_session::receive_body()
{
    for (int i = 0; i < 64 && moved_ < size_; ++i) {
        const std::size_t offset = moved_ % write_size;
        const std::size_t size = connection_.read(buffer_);
        if (size == 0)
            return false;
        if (size > size_ - moved_)
            throw failure("the server sent more than it was asked for");
        if (std::memcmp(buffer_.data(), pattern().data() + offset, size) != 0)
            throw failure("the server sent wrong bytes");
        moved_ += size;
        count_->done += static_cast<double>(size);
    }
    return moved_ == size_;
}

bool transfer_session::receive_receipt()
{
    std::array<std::byte, 8> receipt;
    const std::size_t size = connection_.read(std::span(receipt).first(receipt.size() - moved_));
    if (std::memcmp(receipt.data(), length_.data() + moved_, size) != 0)
        throw failure("the server received another number of bytes than were sent");
    moved_ += size;
    return moved_ == receipt.size();
}

}  // namespace bench
