#include <coil/net/internal/sender.hpp>

#include <coil/runtime/error.hpp>
#include <coil/runtime/loop.hpp>

#include <array>
#include <cerrno>

#include <sys/socket.h>

namespace coil::net::internal {

using coil::internal::completion;
using coil::internal::opcode;
using coil::internal::operation_memory;
using coil::internal::request;

namespace {

/// Bytes that a send tries to get rid of at once; for more there is often no room.
constexpr std::size_t most_sent_at_once = 16 * 1024;

}  // namespace

/// The bytes of a send.
struct sender::sent_bytes final : operation_memory {
    explicit sent_bytes(chunk_queue&& from) noexcept : bytes(std::move(from)) {}

    chunk_queue bytes;
    std::size_t handed_over = 0;
    std::array<iovec, 8> runs{};
    msghdr message{};
};

void sender::send(chunk_queue&& bytes) noexcept
{
    if (error_ || ending_.asked() || bytes.empty())
        return;
    pending_.append(std::move(bytes));
    flush_later();
}

void sender::end() noexcept
{
    if (!error_ && ending_.ask())
        flush_later();
}

void sender::end_with_close() noexcept
{
    ending_.leave_to_close();
    end();
    if (unsent() == 0 && !error_)
        ending_.send(*this);
}

void sender::flush_later() noexcept
{
    if (sending_.pending())
        sending_.need_completion();  // the rest has to wait for it
    else if (!linked())
        loop::current().before_submission(*this);
}

void sender::flush() noexcept
{
    if (sending_.pending() || error_)
        return;
    if (!pending_.empty())
        start(std::make_unique<sent_bytes>(std::move(pending_)));
    else
        ending_.send(*this);
}

/// Whether anything waits for the end of the send.
bool sender::awaited() const noexcept
{
    return ending_.asked() || (observer_ && observer_->awaits_sending());
}

void sender::start(std::unique_ptr<sent_bytes> bytes) noexcept
{
    std::array<std::span<const std::byte>, 8> runs;
    const std::size_t count = bytes->bytes.gather(runs);
    in_flight_ = bytes->bytes.size();
    for (std::size_t i = 0; i < count; ++i)
        bytes->handed_over += runs[i].size();
    patient_ = no_room_ || in_flight_ > most_sent_at_once || awaited();
    const unsigned flags = MSG_NOSIGNAL | MSG_WAITALL | (patient_ ? 0U : unsigned{MSG_DONTWAIT});
    request wanted{.quiet = !patient_,
                   .fd = ending_.socket(),
                   .length = static_cast<std::uint32_t>(bytes->handed_over),
                   .option = flags};
    if (count == 1) {
        wanted.code = opcode::send;
        wanted.address = runs[0].data();
    } else {
        for (std::size_t i = 0; i < count; ++i)
            bytes->runs[i] = {const_cast<std::byte*>(runs[i].data()), runs[i].size()};
        bytes->message.msg_iov = bytes->runs.data();
        bytes->message.msg_iovlen = count;
        wanted.code = opcode::send_message;
        wanted.address = &bytes->message;
    }
    sending_.start(wanted, *this, std::move(bytes));
}

void sender::complete(const completion& what, operation_memory* memory) noexcept
{
    on_sent(what.result, static_cast<sent_bytes&>(*memory));
    if (observer_)
        observer_->on_sent();
}

void sender::on_sent(int outcome, sent_bytes& sent) noexcept
{
    in_flight_ = 0;
    const bool no_room_at_all = outcome == -EAGAIN && !patient_;
    if (outcome < 0 && !no_room_at_all) {
        fail(cut_short_ ? make_error_code(errc::reset) : error_from_errno(-outcome));
        return;
    }
    const std::size_t size = no_room_at_all ? 0 : static_cast<std::size_t>(outcome);
    no_room_ = !patient_ && size < sent.handed_over;
    cut_short_ = patient_ && size < sent.handed_over;
    chunk_queue rest = std::move(sent.bytes);
    rest.consume(size);
    if (!rest.empty()) {
        rest.append(std::move(pending_));
        pending_ = std::move(rest);
    }
    if (!pending_.empty())
        flush_later();
    else
        ending_.send(*this);
}

void sender::on_end(int outcome) noexcept
{
    if (outcome == -ENOTCONN)
        fail(errc::reset);  // it was connected, so that is how the kernel says it
    else if (outcome < 0)
        fail(error_from_errno(-outcome));
    if (observer_)
        observer_->on_sent();
}

void sender::fail(std::error_code error) noexcept
{
    error_ = error;
    pending_.clear();
}

void sender::lose_loop() noexcept
{
    sending_.abandon();
    unlink();
    in_flight_ = 0;
    fail(errc::destroyed);
}

}  // namespace coil::net::internal
