#include <coil/net/connect.hpp>

#include <coil/net/internal/descriptor.hpp>
#include <coil/net/internal/socket_transport.hpp>
#include <coil/net/lookup.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <memory>
#include <stdexcept>

#include <sys/socket.h>

namespace coil::net {
namespace internal {
namespace {

constexpr std::chrono::milliseconds attempt_time{250};

/// A base, so that it is there before the operation that points to it.
class connect_target {
protected:
    explicit connect_target(const address& target) noexcept : target_(target) {}

    address target_;
};

/// The kernel copies the address when the request is handed over, which is before the wait can be given up or after it;
/// so the address lives with the operation.
class connect_wait final : private connect_target, public coil::internal::operation_wait {
public:
    explicit connect_wait(int number, address target) noexcept
        : connect_target(target), operation_wait({.code = coil::internal::opcode::connect,
                                                  .fd = number,
                                                  .address = target_.system_address(),
                                                  .length = target_.system_size()})
    {
    }
    result<> await_resume() const noexcept { return error_from_errno(outcome() < 0 ? -outcome() : 0); }
};

using connect_awaitable = coil::internal::awaitable<connect_wait, int, address>;

std::error_code bind_local(int number, const connect_options& options, const address& target)
{
    if (options.local_address.empty() && options.local_port == 0)
        return {};
    address local = address::any(target.family(), options.local_port);
    if (!options.local_address.empty())
        local = *address::parse(options.local_address, options.local_port);
    coil::internal::ring& ring = loop::current().ring();
    const int on = 1;
    ring.set_option(number, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int bound = ring.bind(number, local.system_address(), local.system_size());
    return error_from_errno(bound < 0 ? -bound : 0);
}

task<result<descriptor>> connect_to(const address target, const connect_options& options, bool last)
{
    const int made = loop::current().ring().socket(target.system_address()->sa_family);
    if (made < 0)
        co_return error_from_errno(-made);
    descriptor opened(made);
    if (const std::error_code error = bind_local(made, options, target))
        co_return error;
    connect_awaitable attempt(made, target);
    result<> connected;
    if (last) {
        connected = co_await attempt;
    } else {
        auto limited = with_timeout(attempt_time, attempt);
        connected = co_await limited;
    }
    if (!connected)
        co_return connected.error();
    co_return opened;
}

task<result<std::vector<address>>> targets_of(const connect_options& options)
{
    if (!options.path.empty())
        co_return std::vector<address>(1, *address::of_path(options.path));
    auto asked = lookup(options.host, options.port, options.family);
    result<std::vector<address>> found = co_await asked;
    co_return found;
}

}  // namespace

void check(const connect_options& options)
{
    if (!options.local_address.empty() && !is_ip(options.local_address))
        throw std::invalid_argument("connect: local_address is not an IP address: " + options.local_address);
    if (!options.path.empty() && !address::of_path(options.path))
        throw std::system_error(make_error_code(errc::name_too_long), "connect: " + options.path);
}

task<result<std::unique_ptr<transport>>> open_connection(const connect_options& options)
{
    auto lookup_task = targets_of(options);
    const result<std::vector<address>> targets = co_await lookup_task;
    if (!targets)
        co_return targets.error();
    std::error_code failure;
    for (std::size_t i = 0; i < targets->size(); ++i) {
        auto attempt = connect_to((*targets)[i], options, i + 1 == targets->size());
        result<descriptor> opened = co_await attempt;
        if (!opened) {
            failure = opened.error();
            if (failure == errc::canceled)
                break;
            continue;
        }
        std::unique_ptr<transport> bytes = std::make_unique<socket_transport>(std::move(*opened));
        if (options.no_delay)
            bytes->set_no_delay(true);
        if (options.keep_alive)
            bytes->set_keep_alive(true, static_cast<unsigned>(options.keep_alive_initial_delay.count()));
        co_return bytes;
    }
    co_return failure;
}

}  // namespace internal

socket connect(connect_options options)
{
    internal::check(options);
    socket made;
    made.wanted_ = std::make_unique<connect_options>(std::move(options));
    return made;
}

}  // namespace coil::net
