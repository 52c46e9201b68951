#include <coil/tls/internal/connection.hpp>

#include <coil/net/internal/retirement.hpp>
#include <coil/runtime/error.hpp>
#include <coil/runtime/internal/stack_trimming.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/tls/internal/engine_access.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace coil::tls::internal {
namespace {

constexpr std::size_t record_size = 16 * 1024;

/// Unsent bytes with which no input is looked at, so that what answers it does not pile up for a peer that takes nothing.
/// Writers stop far below.
constexpr std::size_t most_unsent = 256 * 1024;

/// Whether the connection can go on after this error, in the other direction at least.
bool is_soft(std::error_code error) noexcept
{
    return error == errc::truncated || error == coil::errc::write_after_end;
}

}  // namespace

connection::~connection()
{
    end_answer();
}

void connection::connect(std::unique_ptr<net::internal::transport> bytes) noexcept
{
    bytes_ = std::move(bytes);
    bytes_->observe(this);
    wake_all();
}

void connection::expect_no_more() noexcept
{
    opening_.reset();
    wake_all();
}

void connection::destroy(bool reset) noexcept
{
    destroyed_ = true;
    if (failure_)
        return;
    failure_ = coil::errc::destroyed;
    if (bytes_ && reset)
        bytes_->reset_on_close();
    drop_bytes();
    wake_all();
}

void connection::drop_bytes() noexcept
{
    forget_handshake();
    close_engine();
    bytes_.reset();
}

/// @param how  where the program saw to a whole stream; without close_notify it is none.
void connection::give_up(net::internal::closing how) noexcept
{
    end_answer();
    if (!failure_ && bytes_ && how == net::internal::closing::in_order)
        end();
    if (!failure_)
        failure_ = coil::errc::destroyed;
    close_engine();
    if (!bytes_)
        return;
    forget_handshake();
    if (!engine_.shutdown_sent())
        how = net::internal::closing::abort;
    net::internal::retirement::begin(std::move(bytes_), how, engine_access::peer_ended(engine_));
}

std::optional<net::address> connection::remote_address() const
{
    if (bytes_)
        return bytes_->remote_address();
    return last_remote_ ? std::optional(*last_remote_) : std::nullopt;
}

void connection::fail(std::shared_ptr<const coil::error_info> why) noexcept
{
    if (!failure_)
        connect_failure_ = why;
    fail(why->error);
}

tls::error_info connection::error_info() const
{
    tls::error_info info = engine_.error_info();
    if (info.error || !failure_)
        return info;
    // Not TLS's own: the connection below failed, or time did.
    static_cast<coil::error_info&>(info) = connect_failure_ ? *connect_failure_ : describe_error(failure_);
    info.phase = engine_.handshake_done() ? phase::established : phase::handshake;
    return info;
}

void connection::fail(std::error_code error, net::internal::closing how) noexcept
{
    if (failure_)
        return;
    failure_ = error;
    forget_handshake();
    close_engine();
    if (bytes_) {
        if (const std::optional<net::address> remote = bytes_->remote_address())
            last_remote_ = std::make_unique<net::address>(*remote);
        flush();  // the alert
        net::internal::retirement::begin(std::move(bytes_), how);
    }
    wake_all();
}

void connection::flush() noexcept
{
    coil::internal::chunk_queue& sealed = engine_access::output(engine_);
    if (!sealed.empty())
        bytes_->send(std::move(sealed));
}

/// Lets the engine take a step with the input that is there, piece by piece, until it is done or really needs more.
template <class Step>
progress connection::drive(Step step) noexcept
{
    const bool was_open = engine_.handshake_done();
    progress made;
    while (true) {
        const std::span<const std::byte> input = bytes_->received();
        engine_.lend(input);
        made = step();
        bytes_->consume(input.size() - engine_.reclaim());
        flush();
        if (made.status == status::want_answer && look_up_answer())
            continue;
        if (made.status != status::want_input)
            break;
        if (engine_.pending())
            break;  // a reader has to take what lies before the rest
        if (!bytes_->received().empty())
            continue;
        const std::error_code end = bytes_->receive_error();
        if (!end || input_ended_)
            break;
        input_ended_ = true;
        if (end != coil::errc::end_of_stream) {
            fail(end);
            return {status::error, 0};
        }
        engine_.end_of_input();
    }
    after_step(was_open, made.status);
    return made;
}

void connection::after_step(bool was_open, status outcome) noexcept
{
    if (timer_node::set() || outcome == status::want_input || outcome == status::want_answer)
        watch_handshake(outcome);
    greeted_ = true;
    if (outcome == status::want_answer && !answering_)
        begin_answer();
    if (!engine_.handshake_done())
        return;
    if (!was_open)
        wake_all();
    if (!was_open && handlers_)
        coil::internal::trim_stacks_later();
    // Asked for during the handshake, that of a renegotiation included.
    if (end_asked() && !engine_.shutdown_sent()) {
        end_if_asked();
        wake_writer();
    }
}

/// Answers what nobody need be asked about. @return whether it did.
bool connection::look_up_answer() noexcept
{
    if (answering_ || !handlers_)
        return false;
    std::optional<sni_answer> found = handlers_->look_up(engine_.asked());
    if (found)
        engine_.answer(std::move(*found));
    return found.has_value();
}

void connection::begin_answer() noexcept
{
    answering_ = answering::begin(*this, handlers_, engine_access::take_question(engine_));
    if (!bytes_->receive_error())
        bytes_->want_bytes();
    else if (!linked())
        loop::current().enqueue_heavy(*this);
}

/// Nobody wants the answer any more. The handler may be the one who says so, and ends when it does not run.
void connection::abandon_answer() noexcept
{
    if (answering_)
        answering_->abandon();
}

void connection::let_go_of_answer() noexcept
{
    const std::shared_ptr<answering> unwanted = std::move(answering_);
}

/// Nothing more is asked, and the stack of a step that waits is free again.
void connection::close_engine() noexcept
{
    abandon_answer();
    engine_access::close(engine_);
    if (handlers_)
        coil::internal::trim_stacks_later();
}

/// The same where what the handler refers to may be gone next: it ends now.
void connection::end_answer() noexcept
{
    if (const std::shared_ptr<answering> unwanted = std::move(answering_))
        unwanted->forget_home();
}

/// Notices that a peer has left that waits for an answer: where it cannot say anything more, none is of use.
void connection::watch_asking_peer() noexcept
{
    const std::error_code end = bytes_->receive_error();
    if (!end) {
        bytes_->want_bytes();
        return;
    }
    if (end != coil::errc::end_of_stream) {
        fail(end);
        return;
    }
    if (!bytes_->received().empty())
        return;
    input_ended_ = true;
    engine_.end_of_input();
    if (engine_.asked().index() != 0)
        return;
    abandon_answer();
    if (!linked())
        loop::current().enqueue_heavy(*this);  // the engine has to come to its end
}

void connection::answered() noexcept
{
    const std::shared_ptr<answering> with = std::move(answering_);
    try {
        engine_access::give(engine_, with->take());
    } catch (...) {
        engine_.fail(std::current_exception());
    }
    if (!linked())
        loop::current().enqueue_heavy(*this);
}

/// Keeps a deadline for as long as a handshake waits, for the peer or for an answer.
void connection::watch_handshake(status outcome) noexcept
{
    const bool pending = outcome == status::want_input || outcome == status::want_answer;
    const bool waiting = pending && engine_access::in_handshake(engine_);
    if (waiting == timer_node::set() || handshake_limit_.count() == 0)
        return;
    if (waiting)
        loop::current().timers().set(*this, loop::current().now() + handshake_limit_);
    else
        forget_handshake();
}

void connection::forget_handshake() noexcept
{
    if (timer_node::set())
        loop::current().timers().clear(*this);
}

void connection::expire() noexcept
{
    fail(errc::handshake_timeout);
}

std::error_code connection::error_of_engine() noexcept
{
    if (failure_)
        return failure_;
    const tls::error_info& info = engine_.error_info();
    const std::error_code error = info.error;
    if (is_soft(error))
        return error;
    // An alert has to arrive, and is no orderly end. Without one only a reset tells that something is missing.
    const bool told = info.alert_direction == alert_direction::sent || !engine_.handshake_done();
    fail(error, told ? net::internal::closing::in_order : net::internal::closing::abort);
    return error;
}

result<std::size_t> connection::take(std::span<std::byte> buffer) noexcept
{
    const result<bool> opened = open();
    if (!opened)
        return opened.error();
    if (!*opened || asks())
        return std::size_t{0};
    read_after_sending_ = unsent() > most_unsent && !send_error();
    if (read_after_sending_)
        bytes_->want_sent();
    if (read_after_sending_ || (engine_access::worked_much(engine_) && awaits_turn()))
        return std::size_t{0};
    const progress made = drive([&] { return engine_.read(buffer); });
    if (std::exchange(write_needs_input_, false))
        wake_writer();
    switch (made.status) {
    case status::done: return made.bytes;
    case status::closed: return end_of_input(coil::errc::end_of_stream);
    case status::error: return error_of_engine();
    case status::want_input:
    case status::want_answer: break;
    }
    return std::size_t{0};
}

result<bool> connection::has_input() noexcept
{
    const result<bool> opened = open();
    if (!opened || !*opened)
        return opened;
    return !bytes_->received().empty() || bytes_->receive_error() || !engine_access::nothing_to_read(engine_);
}

void connection::want_input() noexcept
{
    if (!bytes_ || linked() || read_after_sending_ || asks())
        return;  // everybody is woken when they are there, or when it is this connection's turn
    if (bytes_->received().empty() && !bytes_->receive_error())
        bytes_->want_bytes();
    else
        on_received();
}

void connection::on_received() noexcept
{
    if (asks())
        watch_asking_peer();
    else if (engine_.handshake_done() && !std::exchange(write_needs_input_, false))
        wake_reader();
    else
        wake_all();
}

void connection::run() noexcept
{
    if (asks()) {
        watch_asking_peer();
        return;
    }
    has_turn_ = true;
    wake_all();
}

/// A step of a handshake takes as long as many reads and writes of others, so it waits for its turn.
bool connection::awaits_turn() noexcept
{
    if (std::exchange(has_turn_, false) || bytes_->received().empty())
        return false;
    if (!linked())
        loop::current().enqueue_heavy(*this);
    return true;
}

result<bool> connection::open() noexcept
{
    if (failure_)
        return failure_;
    if (opening())
        return false;
    if (!bytes_)
        return error_from_errno(ENOTCONN);
    if (engine_.handshake_done())
        return true;
    if (asks() || awaits_turn())
        return false;
    const progress made = drive([&] { return progress{engine_.handshake(), 0}; });
    if (made.status == status::error)
        return error_of_engine();
    if (made.status == status::want_input)
        want_input();
    return made.status == status::done;
}

result<std::size_t> connection::put(std::span<const std::span<const std::byte>> pieces, std::size_t skip) noexcept
{
    if (const std::error_code error = send_error())
        return error;
    const result<bool> opened = open();
    if (!opened)
        return opened.error();
    if (!*opened || asks())
        return std::size_t{0};
    const std::size_t queued = unsent();
    const std::size_t limit = net::internal::write_limit();
    if (queued >= limit)
        return std::size_t{0};

    while (skip >= pieces.front().size()) {
        skip -= pieces.front().size();
        pieces = pieces.subspan(1);
    }
    const std::span<const std::byte> first = pieces.front().subspan(skip);
    if (pieces.size() == 1 || first.size() >= record_size)
        return seal(first, limit - queued);
    // Small pieces share a record: each record costs its own header, tag and call.
    std::array<std::byte, record_size> record;
    std::size_t filled = 0;
    for (std::span<const std::byte> piece : pieces) {
        piece = piece.subspan(std::exchange(skip, 0));
        const std::size_t size = std::min(piece.size(), record.size() - filled);
        std::copy_n(piece.begin(), size, record.begin() + static_cast<std::ptrdiff_t>(filled));
        filled += size;
        if (filled == record.size())
            break;
    }
    return seal(std::span(record).first(filled), limit - queued);
}

/// @param room  bytes that may still be queued.
result<std::size_t> connection::seal(std::span<const std::byte> bytes, std::size_t room) noexcept
{
    // Whole records as long as there is room for one, so that bulk data leaves in full records.
    const std::size_t records = std::max<std::size_t>(room / record_size, 1);
    bytes = bytes.first(std::min(bytes.size(), records * record_size));
    if (coil::internal::chunk_queue& sealed = engine_access::output(engine_); sealed.empty())
        sealed = bytes_->take_back();
    progress made = engine_.write(bytes);
    flush();
    if ((made.status == status::want_input || made.status == status::want_answer) && made.bytes == 0)
        made = drive([&] { return engine_.write(bytes); });
    if (made.status == status::error)
        return error_of_engine();
    if (made.bytes == 0 && !asks()) {
        write_needs_input_ = true;
        if (!engine_.pending())
            want_input();
    }
    return made.bytes;
}

std::error_code connection::send_error() const noexcept
{
    if (failure_ || opening())
        return failure_;
    return bytes_ ? bytes_->send_error() : error_from_errno(ENOTCONN);
}

void connection::end() noexcept
{
    if (asks() || opening() || send_error() || engine_.shutdown_sent())
        return;
    const result<bool> opened = open();
    if (!opened || !*opened || engine_.shutdown_sent())
        return;
    const status made = engine_.shutdown();
    flush();
    if (made == status::done)  // not while the peer renegotiates; the step that ends that tries again
        bytes_->end();
}

}  // namespace coil::tls::internal
