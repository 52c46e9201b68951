#include <coil/net/connect.hpp>

#include <coil/net/internal/descriptor.hpp>
#include <coil/net/internal/failure.hpp>
#include <coil/net/internal/plain_core.hpp>
#include <coil/net/internal/socket_transport.hpp>
#include <coil/net/lookup.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/event.hpp>
#include <coil/runtime/internal/awaitable.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <sys/socket.h>

namespace coil::net {
namespace internal {
namespace {

/// After this time the next attempt begins beside the ones before it. RFC 8305 section 5.
constexpr std::chrono::milliseconds attempt_delay{250};
/// Attempts at once; a further one waits for one of them to end.
constexpr std::size_t most_attempts = 32;

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
        : connect_target(target),
          operation_wait({.code = coil::internal::opcode::connect,
                          .fd = number,
                          .address = target_.system_address(),
                          .length = target_.system_size()})
    {
    }
    result<> await_resume() const noexcept { return error_from_errno(outcome() < 0 ? -outcome() : 0); }
};

using connect_awaitable = coil::internal::awaitable<connect_wait, int, address>;

/// The address to connect from; none where any will do.
std::optional<address> local_end(const connect_options& options, address_family family)
{
    if (!options.local_address.empty())
        return address::parse(options.local_address, options.local_port);
    if (options.local_port != 0)
        return address::any(family, options.local_port);
    return std::nullopt;
}

std::error_code bind(int number, const address& local)
{
    coil::internal::system& system = loop::current().system();
    const int on = 1;
    system.set_option(number, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int bound = system.bind(number, local.system_address(), local.system_size());
    return error_from_errno(bound < 0 ? -bound : 0);
}

std::shared_ptr<const error_info> shared(error_info info, const connect_options& options)
{
    if (info.hostname.empty() && options.path.empty() && !is_ip(options.host))
        info.hostname = options.host;
    return std::make_shared<const error_info>(std::move(info));
}

task<detailed_result<descriptor>> connect_to(const address target, const connect_options& options)
{
    std::optional<address> local;
    if (target.family() != address_family::unix_path)
        local = local_end(options, target.family());
    const int made = loop::current().system().socket(target.system_address()->sa_family);
    if (made < 0)
        co_return shared(connect_failure(error_from_errno(-made), target, local), options);
    descriptor opened(made);
    if (local)
        if (const std::error_code error = bind(made, *local))
            co_return shared(bind_failure(error, *local), options);
    connect_awaitable attempt(made, target);
    const result<> connected = co_await attempt;
    if (!connected)
        co_return shared(connect_failure(connected.error(), target, local), options);
    co_return opened;
}

/// Attempts to connect to several addresses side by side, of which the first that succeeds wins.
struct connect_race {
    const connect_options& options;
    std::vector<address> targets;
    /// Of those that failed, in the order in which they began.
    std::vector<std::shared_ptr<const error_info>> failures =
        std::vector<std::shared_ptr<const error_info>>(targets.size());
    std::optional<descriptor> winner = {};
    std::size_t begun = 0;
    std::size_t running = 0;
    event ended = event();  // one of the attempts, in whichever way
};

/// An attempt's place in the race: left however the attempt ends.
class race_place {
public:
    explicit race_place(connect_race& in) noexcept : in_(in) {}
    race_place(const race_place&) = delete;
    race_place& operator=(const race_place&) = delete;
    ~race_place()
    {
        --in_.running;
        in_.ended.set();
    }

private:
    connect_race& in_;
};

task<> take_part(connect_race& in, std::size_t index)
{
    const race_place place(in);
    auto attempt = connect_to(in.targets[index], in.options);
    detailed_result<descriptor> opened = co_await attempt;
    if (!opened)
        in.failures[index] = opened.failure();
    else if (!in.winner)
        in.winner = std::move(*opened);  // one that comes later is closed here
}

/// Begins one attempt after the other, each as soon as one has failed or `attempt_delay` after the one before, until one
/// succeeds or none is left.
task<> run_race(connect_race& race, scope& attempts)
{
    const stop_token outer = co_await this_task::stop_token();
    while (!race.winner && !outer.stop_requested()) {
        if (race.begun < race.targets.size() && race.running < most_attempts) {
            ++race.running;
            attempts.spawn(take_part(race, race.begun++));
        } else if (race.running == 0) {
            break;
        }
        race.ended.reset();
        auto ended = race.ended.wait();
        if (race.begun < race.targets.size() && race.running < most_attempts) {
            auto limited = with_timeout(attempt_delay, ended);
            [[maybe_unused]] const result<> waited = co_await limited;
        } else {
            [[maybe_unused]] const result<> waited = co_await ended;
        }
    }
}

std::shared_ptr<const error_info> failure_of(const connect_race& race)
{
    std::vector<error_info> attempts;
    for (const std::shared_ptr<const error_info>& each : race.failures)
        if (each)
            attempts.push_back(*each);
    return std::make_shared<const error_info>(joint_failure(std::move(attempts)));
}

task<detailed_result<descriptor>> connect_to_any(std::vector<address> targets, const connect_options& options)
{
    const stop_token outer = co_await this_task::stop_token();
    connect_race race{.options = options, .targets = interleaved(std::move(targets))};
    scope attempts(outer);
    auto running = run_race(race, attempts);
    co_await running;
    attempts.request_stop();
    co_await attempts.join();
    if (race.winner)
        co_return std::move(*race.winner);
    if (outer.stop_requested())
        co_return errc::canceled;
    co_return failure_of(race);
}

task<detailed_result<std::vector<address>>> targets_of(const connect_options& options)
{
    if (!options.path.empty())
        co_return std::vector<address>(1, *address::of_path(options.path));
    auto asked = lookup(options.host, options.port, options.family);
    detailed_result<std::vector<address>> found = co_await asked;
    co_return found;
}

task<detailed_result<descriptor>> connect_socket(const connect_options& options)
{
    auto asking = targets_of(options);
    detailed_result<std::vector<address>> targets = co_await asking;
    if (!targets)
        co_return targets.failure();
    const bool one = targets->size() == 1;
    auto connecting = one ? connect_to(targets->front(), options) : connect_to_any(std::move(*targets), options);
    detailed_result<descriptor> opened = co_await connecting;
    co_return opened;
}

}  // namespace

std::vector<address> interleaved(std::vector<address> targets)
{
    std::vector<address> mixed;
    mixed.reserve(targets.size());
    const auto next_of = [&](auto from, bool of_first) {
        return std::find_if(from, targets.end(), [&](const address& each) {
            return (each.family() == targets.front().family()) == of_first;
        });
    };
    auto first = next_of(targets.begin(), true);
    auto second = next_of(targets.begin(), false);
    while (mixed.size() < targets.size()) {
        if (first != targets.end()) {
            mixed.push_back(*first);
            first = next_of(first + 1, true);
        }
        if (second != targets.end()) {
            mixed.push_back(*second);
            second = next_of(second + 1, false);
        }
    }
    return mixed;
}

void check(const connect_options& options)
{
    if (!options.local_address.empty() && !address::parse(options.local_address, 0))
        throw std::invalid_argument("connect: local_address is not an IP address: " + options.local_address);
    if (!options.path.empty() && !address::of_path(options.path))
        throw std::system_error(make_error_code(errc::name_too_long), "connect: " + options.path);
}

task<detailed_result<std::unique_ptr<transport>>> open_connection(const connect_options& options)
{
    auto connecting = connect_socket(options);
    detailed_result<descriptor> opened = co_await connecting;
    if (opened.error() == errc::canceled) {
        const std::string& host = options.path.empty() ? options.host : options.path;
        const std::uint16_t port = options.path.empty() ? options.port : std::uint16_t{0};
        co_return std::make_shared<const error_info>(connect_failure(errc::canceled, host, port));
    }
    if (!opened)
        co_return opened.failure();
    std::unique_ptr<transport> bytes = std::make_unique<socket_transport>(std::move(*opened));
    if (options.no_delay)
        bytes->set_no_delay(true);
    if (options.keep_alive)
        bytes->set_keep_alive(true, static_cast<unsigned>(options.keep_alive_initial_delay.count()));
    co_return bytes;
}

}  // namespace internal

socket connect(connect_options options)
{
    internal::check(options);
    socket made;
    made.core_->allow_half_open(options.allow_half_open);
    made.wanted_ = std::make_unique<connect_options>(std::move(options));
    return made;
}

}  // namespace coil::net
