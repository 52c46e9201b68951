#include <coil/runtime/internal/simulation/simulated_epoll.hpp>

#include <coil/runtime/internal/ring/nonblocking_calls.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace coil::internal {
namespace {

constexpr double chance_of_stale_event = 0.3;
constexpr double chance_of_late_event = 0.5;
constexpr double chance_of_few_events = 0.3;

}  // namespace

simulated_epoll::simulated_epoll(simulated_world& world, simulated_network& network) : world_(world), network_(network)
{
    network_.on_change([this](simulated_socket& which) { socket_changed(which); });
    network_.on_close([this](int fd) { closed(fd); });
    network_.reuse_numbers();
}

simulated_epoll::~simulated_epoll()
{
    network_.on_change({});
    network_.on_close({});
    world_.clear_agenda();
}

int simulated_epoll::watch(int fd, std::uint32_t events, std::uint64_t tag) noexcept
{
    world_.note("watch", {fd, events, static_cast<std::int64_t>(tag)});
    if (!simulated_network::owns(fd)) {
        const int kind = kind_of(fd);
        if (kind < 0 || kind == static_cast<int>(descriptor_kind::stored))
            return kind < 0 ? kind : -EPERM;
    } else if (!network_.find_bell(fd)) {
        network_.find(fd, "epoll_ctl");
    }
    registration& made = watched_[fd];
    made = {.events = events | EPOLLRDHUP | EPOLLPRI, .tag = tag, .serial = next_serial_++, .ready = true};
    return 0;
}

int simulated_epoll::watch_again(int fd, std::uint32_t events, std::uint64_t tag) noexcept
{
    world_.note("watch again", {fd, events, static_cast<std::int64_t>(tag)});
    if (simulated_network::owns(fd) && !network_.find_bell(fd))
        network_.find(fd, "epoll_ctl");
    const auto found = watched_.find(fd);
    if (found == watched_.end())
        return -ENOENT;
    found->second.events = events | EPOLLRDHUP | EPOLLPRI;
    found->second.tag = tag;
    found->second.ready = true;
    return 0;
}

/// What the descriptor is ready for.
std::uint32_t simulated_epoll::state_of(int fd) const
{
    if (!simulated_network::owns(fd)) {
        constexpr std::uint32_t all = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;
        return static_cast<std::uint32_t>(std::max(poll_now(fd, all), 0));
    }
    if (const auto bell = network_.find_bell(fd))
        return bell->rung > 0 ? EPOLLIN | EPOLLOUT : EPOLLOUT;
    return state_of(*network_.find(fd, "poll"), fd);
}

std::uint32_t simulated_epoll::state_of(const simulated_socket& which, int fd) const
{
    const auto calling = connecting_.find(fd);
    if (calling == connecting_.end())
        return which.readiness();
    if (!calling->second.outcome)
        return 0;
    return *calling->second.outcome < 0 ? EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP : EPOLLOUT;
}

void simulated_epoll::socket_changed(const simulated_socket& which)
{
    const auto found = watched_.find(network_.number_of(which));
    if (found == watched_.end())
        return;
    const int fd = found->first;
    const std::uint64_t serial = found->second.serial;
    if (world_.chance(chance_of_late_event))
        world_.schedule(world_.delay(), [this, fd, serial] { mark(fd, serial); });
    else
        mark(fd, serial);
}

void simulated_epoll::mark(int fd, std::uint64_t serial) noexcept
{
    const auto found = watched_.find(fd);
    if (found != watched_.end() && found->second.serial == serial)
        found->second.ready = true;
}

void simulated_epoll::closed(int fd)
{
    const auto found = watched_.find(fd);
    if (found != watched_.end()) {
        epoll_event late{};
        late.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP;
        late.data.u64 = found->second.tag;
        if (world_.chance(chance_of_stale_event))
            stale_.push_back(late);
        watched_.erase(found);
    }
    connecting_.erase(fd);
    tcp_.erase(fd);
}

/// Bells and what belongs to the system tell nobody that they have changed.
void simulated_epoll::look_around()
{
    for (auto& [fd, each] : watched_) {
        if (!simulated_network::owns(fd)) {
            const std::uint32_t now = state_of(fd) & each.events;
            each.ready |= (now & ~std::exchange(each.seen, now)) != 0;
        } else if (const auto bell = network_.find_bell(fd)) {
            each.ready |= std::exchange(each.rung, bell->rung_ever.load()) != bell->rung_ever;
        }
    }
}

/// All events that there are, in any order, with one for nothing among them now and then.
std::vector<epoll_event> simulated_epoll::events_now()
{
    std::vector<epoll_event> found;
    for (auto& [fd, each] : watched_) {
        const std::uint32_t wanted = each.events | EPOLLERR | EPOLLHUP;
        std::uint32_t state = each.ready ? state_of(fd) & wanted : 0;
        each.ready = state != 0;
        if (state == 0 && world_.chance(world_.options.interruption / 8))
            state = (EPOLLIN | EPOLLOUT) & wanted;
        epoll_event made{};
        made.events = state;
        made.data.u64 = each.tag;
        if (state != 0)
            found.push_back(made);
    }
    if (!stale_.empty() && world_.chance(chance_of_stale_event)) {
        found.push_back(stale_.back());
        stale_.pop_back();
    }
    for (std::size_t i = found.size(); i > 1; --i)
        std::swap(found[i - 1], found[world_.below(i)]);
    return found;
}

int simulated_epoll::take(std::span<epoll_event> room)
{
    std::vector<epoll_event> found = events_now();
    std::size_t count = std::min(found.size(), room.size());
    if (count > 1 && world_.chance(chance_of_few_events))
        count = 1 + world_.below(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t tag = found[i].data.u64;
        world_.note("  event", {static_cast<std::int64_t>(tag), found[i].events});
        const auto of =
            std::find_if(watched_.begin(), watched_.end(), [tag](const auto& each) { return each.second.tag == tag; });
        if (of != watched_.end())
            of->second.ready = false;
        room[i] = found[i];
    }
    return static_cast<int>(count);
}

bool simulated_epoll::has_events() const noexcept
{
    return std::any_of(watched_.begin(), watched_.end(), [this](const auto& each) {
        return each.second.ready && (state_of(each.first) & each.second.events) != 0;
    });
}

int simulated_epoll::wait(std::span<epoll_event> events, std::optional<std::chrono::nanoseconds> wait)
{
    world_.note("wait", {wait ? wait->count() : -1});
    world_.pass(std::chrono::nanoseconds(500 + world_.below(1000)));
    if (++turns_ > world_.options.most_turns)
        give_up("it does not end");
    std::optional<simulated_world::time_point> limit;
    if (wait) {
        const auto now = world_.now();
        limit = *wait < simulated_world::time_point::max() - now ? now + *wait : simulated_world::time_point::max();
    }
    if (world_.chance(world_.options.interruption))
        return -EINTR;
    while (true) {
        const std::optional<simulated_world::time_point> next = world_.next();
        if (next && *next <= world_.now()) {
            world_.run_next();
            continue;
        }
        look_around();
        if (const int count = take(events); count > 0)
            return count;
        if (next && (!limit || *next <= *limit)) {
            give_up_after(*next);
            world_.run_next();
        } else if (limit) {
            give_up_after(*limit);
            world_.pass(std::max(*limit - world_.now(), simulated_world::duration(0)));
            return 0;
        } else if (stale_.empty()) {
            give_up("nothing can happen any more");
            return -EINTR;
        }
    }
}

void simulated_epoll::give_up_after(simulated_world::time_point then)
{
    if (world_.elapsed() + (then - world_.now()) > world_.options.longest_run)
        give_up("it takes too long");
}

/// Ends the run with a failure. The loop that is then taken down may wait again.
void simulated_epoll::give_up(const char* why)
{
    if (std::exchange(failed_, true))
        return;
    std::string open;
    for (const auto& [fd, each] : watched_)
        if (simulated_network::owns(fd) && !network_.find_bell(fd))
            open += "\n  " + std::to_string(fd) + ": " + network_.find(fd, "describe")->describe();
    world_.fail(std::string(why) + "; watched:" + (open.empty() ? " nothing" : open));
}

}  // namespace coil::internal
