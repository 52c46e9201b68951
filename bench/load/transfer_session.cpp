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
    if (!open_) {
        if (!connection_.open())
            return;
        open_ = true;
        ++count_->open;
    }
    const bool down = direction_ == direction::download;
    const int steps = down ? 2 : 3;
    bool done = false;
    switch (step_) {
    case 0: done = send_length(); break;
    case 1: done = down ? receive_body() : send_body(); break;
    case 2: done = receive_length(); break;
    }
    if (!done)
        return;
    moved_ = 0;
    step_ = (step_ + 1) % steps;
    if (step_ == 0)
        ++count_->finished;
    if (step_ == 0 || (step_ == 1 && !down))
        ready();  // nothing will come before more has been sent
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

bool transfer_session::receive_length()
{
    std::array<std::byte, 8> receipt;
    const std::size_t size = connection_.read(std::span(receipt).first(receipt.size() - moved_));
    if (std::memcmp(receipt.data(), length_.data() + moved_, size) != 0)
        throw failure("the server received another number of bytes than were sent");
    moved_ += size;
    return moved_ == receipt.size();
}

}  // namespace bench
