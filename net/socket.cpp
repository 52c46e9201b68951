#include <coil/net/socket.hpp>

#include <coil/net/internal/plain_core.hpp>
#include <coil/net/internal/socket_transport.hpp>
#include <coil/runtime/loop.hpp>

#include <cerrno>
#include <system_error>

#include <sys/socket.h>

namespace coil::net {
namespace {

/// Throws unless `descriptor` is a stream socket.
int checked(int descriptor)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (const int got = loop::current().system().get_option(descriptor, SOL_SOCKET, SO_TYPE, &type, size); got < 0)
        throw std::system_error(-got, std::system_category(), "net::socket: descriptor " + std::to_string(descriptor));
    if (type != SOCK_STREAM)
        throw std::system_error(EINVAL, std::system_category(), "net::socket: not a stream socket");
    return descriptor;
}

}  // namespace

socket::socket() : core_(new internal::plain_core) {}

socket::socket(int descriptor, socket_options options)
    : socket(std::make_unique<internal::socket_transport>(internal::descriptor(checked(descriptor))), options)
{
}

socket::socket(std::unique_ptr<internal::transport> connected, socket_options options) : socket()
{
    core_->allow_half_open(options.allow_half_open);
    core_->connect(std::move(connected));
}

socket::socket(socket&& other) noexcept = default;
socket& socket::operator=(socket&& other) noexcept = default;
socket::~socket() = default;

task<detailed_result<>> socket::connect() &
{
    if (!core_)
        co_return errc::destroyed;
    if (core_->bytes() || !wanted_)
        co_return error_from_errno(EISCONN);
    // The socket may be moved or destroyed meanwhile: from here on nothing of it is used but its core.
    internal::plain_core& core = *core_;
    const std::unique_ptr<connect_options> wanted = std::move(wanted_);
    const stop_token outer = co_await this_task::stop_token();
    internal::core_watch alive(core, outer);
    co_await coil::internal::use_stop_token(alive.token());
    auto opening = internal::open_connection(*wanted);
    detailed_result<std::unique_ptr<internal::transport>> bytes = co_await opening;
    if (alive.lost())
        co_return errc::destroyed;
    if (!bytes) {
        core.fail(bytes.failure());
        co_return bytes.failure();
    }
    core.connect(std::move(*bytes));
    co_return result<>();
}

internal::read_awaitable socket::read(std::span<std::byte> buffer) & noexcept
{
    return internal::read_awaitable(internal::core_reference(core_.get()), buffer);
}

internal::readable_awaitable socket::readable() & noexcept
{
    return internal::readable_awaitable(internal::core_reference(core_.get()));
}

internal::write_awaitable socket::write(std::span<const std::byte> bytes) & noexcept
{
    return internal::write_awaitable(internal::core_reference(core_.get()), bytes);
}

internal::gather_awaitable socket::write(std::span<const std::span<const std::byte>> pieces) & noexcept
{
    return internal::gather_awaitable(internal::core_reference(core_.get()), pieces);
}

internal::drain_awaitable socket::drained() & noexcept
{
    return internal::drain_awaitable(internal::core_reference(core_.get()), false);
}

internal::drain_awaitable socket::end() & noexcept
{
    return internal::drain_awaitable(internal::core_reference(core_.get()), true);
}

void socket::destroy() noexcept
{
    const std::unique_ptr<internal::transport> dropped = release();
}

void socket::reset_and_destroy() noexcept
{
    const std::unique_ptr<internal::transport> dropped = release();
    if (dropped)
        dropped->reset_on_close();
}

bool socket::connected() const noexcept
{
    return core_ && core_->bytes();
}

std::optional<address> socket::local_address() const
{
    return connected() ? core_->bytes()->local_address() : std::nullopt;
}

std::optional<address> socket::remote_address() const
{
    return connected() ? core_->bytes()->remote_address() : std::nullopt;
}

net::error_info socket::error_info() const
{
    return core_ ? core_->failure() : net::error_info();
}

result<> socket::set_no_delay(bool on) noexcept
{
    return connected() ? core_->bytes()->set_no_delay(on) : error_from_errno(ENOTCONN);
}

result<> socket::set_keep_alive(bool on, std::chrono::seconds initial_delay) noexcept
{
    if (!connected())
        return error_from_errno(ENOTCONN);
    return core_->bytes()->set_keep_alive(on, static_cast<unsigned>(initial_delay.count()));
}

internal::core_reference socket::core() const noexcept
{
    return internal::core_reference(core_.get());
}

std::unique_ptr<internal::transport> socket::release() noexcept
{
    if (!core_)
        return nullptr;
    std::unique_ptr<internal::transport> bytes = core_->release();
    core_.reset();
    return bytes;
}

}  // namespace coil::net
