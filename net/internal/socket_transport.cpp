#include <coil/net/internal/socket_transport.hpp>

#include <coil/runtime/error.hpp>
#include <coil/runtime/loop.hpp>

#include <algorithm>
#include <cassert>
#include <cerrno>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace coil::net::internal {

using coil::internal::completion;
using coil::internal::opcode;
using coil::internal::operation_memory;
using coil::internal::request;

namespace {

/// Unread bytes after which receiving stops until somebody reads.
constexpr std::size_t receive_allowance = 64 * 1024;
/// Full buffers in a row after which a connection is taken for a bulk transfer.
constexpr unsigned bulk_after = 8;
/// A single receive that brings fewer bytes ends the bulk transfer.
constexpr std::size_t bulk_at_least = 16 * 1024;
/// Bytes that a send tries to get rid of at once; for more there is often no room.
constexpr std::size_t most_sent_at_once = 16 * 1024;

}  // namespace

/// The memory of a single receive.
struct socket_transport::received_chunk final : operation_memory {
    explicit received_chunk(std::size_t size) : piece(chunk::allocate(size)) {}
    ~received_chunk() override
    {
        if (piece)
            piece->release();
    }

    chunk* piece;
};

/// The bytes of a send.
struct socket_transport::sent_bytes final : operation_memory {
    explicit sent_bytes(chunk_queue&& from) noexcept : bytes(std::move(from)) {}

    chunk_queue bytes;
    std::size_t handed_over = 0;
    std::array<iovec, 8> runs{};
    msghdr message{};
};

socket_transport::socket_transport(descriptor connected) noexcept : socket_(std::move(connected)) {}

socket_transport::~socket_transport()
{
    // Bytes in flight live on with their operation; the kernel closes the socket when that has let go of it.
    return_buffers();
}

std::span<const std::byte> socket_transport::received() const noexcept
{
    if (lent_count_ == 0)
        return copied_.front();
    const lent_buffer& first = lent_[lent_first_];
    return {loop::current().ring().buffer(first.id) + first.begin, static_cast<std::size_t>(first.end - first.begin)};
}

void socket_transport::consume(std::size_t bytes) noexcept
{
    unread_ -= bytes;
    while (lent_count_ > 0 && bytes > 0) {
        lent_buffer& first = lent_[lent_first_];
        const std::size_t here = std::min<std::size_t>(bytes, first.end - first.begin);
        first.begin = static_cast<std::uint16_t>(first.begin + here);
        bytes -= here;
        if (first.begin < first.end)
            return;
        loop::current().ring().return_buffer(first.id);
        lent_first_ = (lent_first_ + 1) % most_lent;
        --lent_count_;
    }
    copied_.consume(bytes);
}

void socket_transport::return_buffers() noexcept
{
    loop* home = loop::current_or_null();
    if (lent_count_ == 0 || !home)
        return;
    coil::internal::ring& ring = home->ring();
    for (; lent_count_ > 0; --lent_count_) {
        ring.return_buffer(lent_[lent_first_].id);
        lent_first_ = (lent_first_ + 1) % most_lent;
    }
}

void socket_transport::want_bytes() noexcept
{
    assert(received().empty() && !receive_error_);
    wanted_ = true;
    if (!receiving_.pending())
        arm();
}

void socket_transport::arm() noexcept
{
    if (bulk_ || starved_ || !loop::current().capabilities().provided_buffers) {
        rearm_reason_ = bulk_ ? rearm_reason::bulk : rearm_reason_;
        arm_single();
        return;
    }
    const request wanted{.code = opcode::receive_provided, .fd = socket_.get()};
    if (std::exchange(was_armed_, true))
        receiving_.restart(wanted, receive_handler_, std::exchange(rearm_reason_, rearm_reason::ended));
    else
        receiving_.start(wanted, receive_handler_);
}

void socket_transport::arm_single() noexcept
{
    starved_ = false;
    auto memory = std::make_unique<received_chunk>(bulk_ ? chunk::large_size : chunk::small_size - sizeof(chunk));
    const std::span<std::byte> room = memory->piece->room();
    const request wanted{.code = opcode::receive,
                         .fd = socket_.get(),
                         .address = room.data(),
                         .length = static_cast<std::uint32_t>(room.size())};
    receiving_.start(wanted, receive_handler_, std::move(memory));
}

void socket_transport::on_receive(const completion& what, operation_memory* memory) noexcept
{
    if (what.result > 0) {
        const auto size = static_cast<std::size_t>(what.result);
        if (what.has_buffer) {
            store(what);
        } else {
            auto& single = static_cast<received_chunk&>(*memory);
            single.piece->fill(size);
            copied_.append(std::exchange(single.piece, nullptr));
        }
        unread_ += size;
        note_size(size, what.has_buffer);
    } else if (what.result == 0) {
        // The kernel tells of a reset once; where a send was told, the receive gets what looks like an orderly end.
        receive_error_ = send_error_ == errc::reset || cut_short_ ? errc::reset : errc::end_of_stream;
    } else if (what.result == -ENOBUFS) {
        starved_ = true;
        rearm_reason_ = rearm_reason::no_buffer;
        ++loop::current().counts().buffer_shortages;
    } else if (what.result != -ECANCELED) {
        receive_error_ = error_from_errno(-what.result);
    }

    if (what.more && (bulk_ || unread_ >= receive_allowance)) {
        rearm_reason_ = bulk_ ? rearm_reason::bulk : rearm_reason::back_pressure;
        receiving_.cancel();
    }
    if (!wanted_)
        return;
    if (unread_ > 0 || receive_error_) {
        wanted_ = false;
        if (observer_)
            observer_->on_received();
    } else if (!what.more) {
        arm();
    }
}

void socket_transport::store(const completion& what) noexcept
{
    coil::internal::ring& ring = loop::current().ring();
    // A buffer that nobody is about to read must not be missing elsewhere.
    const bool scarce = !wanted_ && ring.buffers_lent() > loop::current().capabilities().receive_buffers / 2;
    if (copied_.empty() && lent_count_ < most_lent && !scarce) {
        const auto end = static_cast<std::uint16_t>(what.result);
        lent_[(lent_first_ + lent_count_) % most_lent] = {what.buffer, 0, end};
        ++lent_count_;
        return;
    }
    copied_.append(std::span<const std::byte>(ring.buffer(what.buffer), static_cast<std::size_t>(what.result)));
    ring.return_buffer(what.buffer);
}

void socket_transport::note_size(std::size_t size, bool lent) noexcept
{
    if (bulk_) {
        bulk_ = lent || size >= bulk_at_least;  // the last buffers of the multishot receive say nothing
        return;
    }
    if (size < loop::current().ring().buffer_size()) {
        full_in_a_row_ = 0;
        return;
    }
    if (++full_in_a_row_ == bulk_after) {
        full_in_a_row_ = 0;
        bulk_ = true;
    }
}

void socket_transport::send(chunk_queue&& bytes) noexcept
{
    if (send_error_ || ending_ != ending::no || bytes.empty())
        return;
    pending_.append(std::move(bytes));
    flush_later();
}

chunk_queue socket_transport::take_back() noexcept
{
    return std::move(pending_);
}

void socket_transport::end() noexcept
{
    if (ending_ != ending::no || send_error_)
        return;
    ending_ = ending::wanted;
    flush_later();
}

void socket_transport::flush_later() noexcept
{
    if (sending_.pending())
        sending_.need_completion();  // the rest has to wait for it
    else if (!linked())
        loop::current().before_submission(*this);
}

void socket_transport::flush() noexcept
{
    if (sending_.pending() || send_error_)
        return;
    if (!pending_.empty()) {
        start_send(std::make_unique<sent_bytes>(std::move(pending_)));
    } else if (ending_ == ending::wanted) {
        ending_ = ending::sent;
        sending_.start({.code = opcode::shut_down, .fd = socket_.get(), .option = SHUT_WR}, send_handler_);
    }
}

/// Whether anything waits for the end of the send.
bool socket_transport::awaited() const noexcept
{
    return ending_ != ending::no || (observer_ && observer_->awaits_sending());
}

void socket_transport::start_send(std::unique_ptr<sent_bytes> bytes) noexcept
{
    std::array<std::span<const std::byte>, 8> runs;
    const std::size_t count = bytes->bytes.gather(runs);
    in_flight_ = bytes->bytes.size();
    for (std::size_t i = 0; i < count; ++i)
        bytes->handed_over += runs[i].size();
    patient_ = no_room_ || in_flight_ > most_sent_at_once || awaited();
    const unsigned flags = MSG_NOSIGNAL | MSG_WAITALL | (patient_ ? 0U : unsigned{MSG_DONTWAIT});
    request wanted{.quiet = !patient_,
                   .fd = socket_.get(),
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
    sending_.start(wanted, send_handler_, std::move(bytes));
}

void socket_transport::on_send(const completion& what, operation_memory* memory) noexcept
{
    if (ending_ == ending::sent)
        on_end(what.result);
    else
        on_sent(what.result, static_cast<sent_bytes&>(*memory));
    if (observer_)
        observer_->on_sent();
}

void socket_transport::on_sent(int outcome, sent_bytes& sent) noexcept
{
    in_flight_ = 0;
    const bool no_room_at_all = outcome == -EAGAIN && !patient_;
    if (outcome < 0 && !no_room_at_all) {
        fail_sending(cut_short_ ? make_error_code(errc::reset) : error_from_errno(-outcome));
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
    if (!pending_.empty() || ending_ == ending::wanted)
        flush_later();
}

void socket_transport::on_end(int outcome) noexcept
{
    if (outcome == -ENOTCONN)
        fail_sending(errc::reset);  // it was connected, so that is how the kernel says it
    else if (outcome < 0)
        fail_sending(error_from_errno(-outcome));
    else
        ending_ = ending::done;
}

void socket_transport::fail_sending(std::error_code error) noexcept
{
    send_error_ = error;
    pending_.clear();
}

int socket_transport::set_option(int level, int name, const void* value, socklen_t size) noexcept
{
    return loop::current().ring().set_option(socket_.get(), level, name, value, size);
}

void socket_transport::reset_on_close() noexcept
{
    const linger now{.l_onoff = 1, .l_linger = 0};
    set_option(SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::optional<address> socket_transport::local_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (loop::current().ring().local_address(socket_.get(), storage, size) < 0)
        return std::nullopt;
    return address::from_system(storage, size);
}

std::optional<address> socket_transport::remote_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (loop::current().ring().remote_address(socket_.get(), storage, size) < 0)
        return std::nullopt;
    return address::from_system(storage, size);
}

std::error_code socket_transport::set_no_delay(bool on) noexcept
{
    const int value = on;
    const int set = set_option(IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    return set < 0 && set != -EOPNOTSUPP ? error_from_errno(-set) : std::error_code();
}

std::error_code socket_transport::set_keep_alive(bool on, unsigned initial_delay_seconds) noexcept
{
    const int value = on;
    if (const int set = set_option(SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value); set < 0)
        return error_from_errno(-set);
    if (!on)
        return {};
    const int probes = 10;
    const int seconds_between = 1;
    set_option(IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    set_option(IPPROTO_TCP, TCP_KEEPINTVL, &seconds_between, sizeof seconds_between);
    const auto delay = static_cast<int>(initial_delay_seconds);
    const int set = delay > 0 ? set_option(IPPROTO_TCP, TCP_KEEPIDLE, &delay, sizeof delay) : 0;
    return set < 0 && set != -EOPNOTSUPP ? error_from_errno(-set) : std::error_code();
}

}  // namespace coil::net::internal
