#include <coil/tls/socket.hpp>

#include <coil/net/internal/transport.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/internal/behaviour.hpp>
#include <coil/tls/internal/connect_plan.hpp>
#include <coil/tls/internal/connection.hpp>
#include <coil/tls/internal/engine_access.hpp>

#include <cerrno>

namespace coil::tls {

using internal::connection;

namespace {

net::internal::core_owner<connection> make_connection(const socket_options& options)
{
    const role side = options.is_server ? role::server : role::client;
    return internal::make_connection(internal::or_default(options.secure_context),
                                     internal::behaviour_of(side, options, options.servername));
}

}  // namespace

socket::socket(net::socket plain, socket_options options) : connection_(make_connection(options))
{
    if (std::unique_ptr<net::internal::transport> bytes = plain.release())
        connection_->connect(std::move(bytes));
}

socket::socket(net::internal::core_owner<connection> connection, std::unique_ptr<internal::connect_plan> plan) noexcept
    : connection_(std::move(connection)), plan_(std::move(plan))
{
}

socket::socket(socket&& other) noexcept = default;
socket& socket::operator=(socket&& other) noexcept = default;
socket::~socket() = default;

namespace {

/// Connects to `where` what `of` is to run on. @param alive  says whether there still is `of`.
task<detailed_result<>> open_bytes(connection& of, net::internal::core_watch& alive, const net::connect_options where)
{
    const auto underway = std::make_shared<const char>();
    of.expect(underway);
    co_await coil::internal::use_stop_token(alive.token());
    auto opening = net::internal::open_connection(where);
    detailed_result<std::unique_ptr<net::internal::transport>> bytes = co_await opening;
    if (alive.lost())
        co_return coil::errc::destroyed;
    if (of.failure())
        co_return of.failure();  // destroyed meanwhile
    if (bytes) {
        of.connect(std::move(*bytes));
        co_return result<>();
    }
    if (bytes.error() == coil::errc::canceled)
        of.expect_no_more();
    else
        of.fail(bytes.failure());
    co_return bytes.failure();
}

/// `error`, with all that is known where that is why `failed` is of no use any more.
detailed_result<> explained(std::error_code error, const connection& failed)
{
    auto info = std::make_shared<const tls::error_info>(failed.error_info());
    if (!error || info->error != error)
        return error;
    return std::shared_ptr<const coil::error_info>(std::move(info));
}

}  // namespace

task<detailed_result<>> socket::secure_connect() &
{
    if (!connection_)
        co_return coil::errc::destroyed;
    if (connection_->failure())
        co_return explained(connection_->failure(), *connection_);
    if (connection_->opening())
        co_return coil::errc::already_in_progress;
    // The socket may be moved or destroyed meanwhile: from here on nothing of it is used but its connection.
    connection& of = *connection_;
    const stop_token outer = co_await this_task::stop_token();
    net::internal::core_watch alive(of, outer);
    if (plan_ && !of.bytes()) {
        auto opening = open_bytes(of, alive, plan_->where);
        detailed_result<> opened = co_await opening;
        if (!opened)
            co_return opened;
    }
    const net::internal::open_awaitable handshake(net::internal::core_reference{&of});
    const result<> outcome = co_await handshake;
    if (!outcome && !alive.lost())
        co_return explained(outcome.error(), of);
    co_return outcome;
}

net::internal::read_awaitable socket::read(std::span<std::byte> buffer) & noexcept
{
    return net::internal::read_awaitable(net::internal::core_reference(connection_.get()), buffer);
}

net::internal::readable_awaitable socket::readable() & noexcept
{
    return net::internal::readable_awaitable(net::internal::core_reference(connection_.get()));
}

net::internal::write_awaitable socket::write(std::span<const std::byte> bytes) & noexcept
{
    return net::internal::write_awaitable(net::internal::core_reference(connection_.get()), bytes);
}

net::internal::write_awaitable socket::write(std::string_view text) & noexcept
{
    return write(std::as_bytes(std::span(text)));
}

net::internal::gather_awaitable socket::write(std::span<const std::span<const std::byte>> pieces) & noexcept
{
    return net::internal::gather_awaitable(net::internal::core_reference(connection_.get()), pieces);
}

net::internal::drain_awaitable socket::drained() & noexcept
{
    return net::internal::drain_awaitable(net::internal::core_reference(connection_.get()), false);
}

net::internal::drain_awaitable socket::end() & noexcept
{
    return net::internal::drain_awaitable(net::internal::core_reference(connection_.get()), true);
}

namespace {

/// Drops what arrives until the peer has ended. @param outcome  success then, or why it did not come to that.
task<> drop_input(socket& of, result<>& outcome)
{
    std::array<std::byte, 1024> dropped;
    while (true) {
        const result<std::size_t> more = co_await of.read(dropped);
        if (more)
            continue;
        if (more.error() != coil::errc::end_of_stream)
            outcome = more.error();
        co_return;
    }
}

/// Ends `of` and drops what arrives, also while the end is still on its way: a peer that is ending too, and that nobody
/// reads from, would not take it.
task<result<>> end_both(socket& of)
{
    const stop_token outer = co_await this_task::stop_token();
    result<> peer_ended;
    scope reading(outer);
    reading.spawn(drop_input(of, peer_ended));
    const result<> ended = co_await of.end();
    if (!ended)
        reading.request_stop();
    co_await reading.join();
    co_return ended ? peer_ended : ended;
}

}  // namespace

task<result<>> socket::shutdown(std::chrono::milliseconds limit) &
{
    auto limited = with_timeout(limit, end_both(*this));
    result<> outcome = co_await limited;
    co_return outcome;
}

void socket::destroy() noexcept
{
    if (connection_)
        connection_->destroy(false);
}

void socket::reset_and_destroy() noexcept
{
    if (connection_)
        connection_->destroy(true);
}

tls::error_info socket::error_info() const
{
    if (!connection_)
        return {};
    return connection_->error_info();
}

const internal::engine_state* socket::observed() const noexcept
{
    return connection_ && !connection_->destroyed() ? internal::engine_access::state(connection_->engine()) : nullptr;
}

void socket::disable_renegotiation() noexcept
{
    if (connection_)
        connection_->disable_renegotiation();
}

void socket::set_key_cert(const secure_context& context)
{
    if (!connection_ || connection_->failure())
        throw error("ERR_TLS_INVALID_STATE", "set_key_cert: the connection is closed");
    connection_->set_key_cert(context);
}

bool socket::secure_connecting() const noexcept
{
    return connection_ && !connection_->destroyed() && !connection_->engine().handshake_done();
}

std::optional<net::address> socket::local_address() const
{
    if (!connection_ || !connection_->bytes())
        return std::nullopt;
    return connection_->bytes()->local_address();
}

std::optional<net::address> socket::remote_address() const
{
    if (!connection_)
        return std::nullopt;
    return connection_->remote_address();
}

result<> socket::set_no_delay(bool on) noexcept
{
    if (!connection_ || !connection_->bytes())
        return error_from_errno(ENOTCONN);
    return connection_->bytes()->set_no_delay(on);
}

result<> socket::set_keep_alive(bool on, std::chrono::seconds initial_delay) noexcept
{
    if (!connection_ || !connection_->bytes())
        return error_from_errno(ENOTCONN);
    return connection_->bytes()->set_keep_alive(on, static_cast<unsigned>(initial_delay.count()));
}

}  // namespace coil::tls
