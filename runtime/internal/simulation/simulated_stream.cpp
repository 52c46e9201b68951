// The part of a simulated socket that moves bytes, and what goes before and after.
#include <coil/runtime/internal/simulation/simulated_network.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>

namespace coil::internal {
namespace {

constexpr std::chrono::seconds time_between_calls{1};
constexpr unsigned most_calls = 6;
constexpr std::chrono::seconds time_to_give_up{127};

}  // namespace

simulated_socket::~simulated_socket()
{
    std::erase(home_.bound_, this);
    for (const std::shared_ptr<simulated_socket>& each : waiting_)
        each->reset_on_close_ = true;
    waiting_.clear();
    if (home_.closing_ || condition_ != condition::connected)
        return;
    if (closes_with_reset())
        send_reset();
    else if (!end_sent_)
        carry({segment::kind::end, {}});
}

/// Bytes that nobody has read, or that will meet a closed socket, are answered with a reset. A program can ask for one by
/// SO_LINGER as long as the connection is not over: after the ends of both sides there is nothing left to reset.
bool simulated_socket::closes_with_reset() const
{
    const bool both_ended = end_sent_ && end_received_;
    if (const std::shared_ptr<simulated_socket> peer = peer_.lock(); both_ended && peer && peer->end_received_)
        return false;
    const bool something_unread =
        inbox_begin_ < inbox_.size() ||
        std::any_of(
            incoming_.begin(), incoming_.end(), [](const segment& each) { return each.what == segment::kind::data; });
    return something_unread || (reset_on_close_ && !both_ended);
}

std::size_t simulated_socket::room() const noexcept
{
    const std::size_t held = incoming_bytes_ + inbox_.size() - inbox_begin_;
    return home_.world_.options.socket_buffer - std::min(held, home_.world_.options.socket_buffer);
}

/// Sends something on its way to the peer, behind all that is on its way already.
void simulated_socket::carry(segment what)
{
    simulated_world& world = home_.world_;
    const std::shared_ptr<simulated_socket> to = peer_.lock();
    if (!to) {
        // There is no such connection at the other end any more, which it answers with a reset.
        if (what.what == segment::kind::data)
            world.schedule(world.delay(), [self = weak_from_this()] {
                if (const std::shared_ptr<simulated_socket> alive = self.lock())
                    alive->break_connection();
            });
        return;
    }
    to->last_arrival_ = std::max(to->last_arrival_, world.now() + world.delay());
    to->incoming_bytes_ += what.bytes.size();
    to->incoming_.push_back(std::move(what));
    world.schedule(to->last_arrival_ - world.now(), [there = std::weak_ptr(to)] {
        if (const std::shared_ptr<simulated_socket> alive = there.lock())
            alive->arrive();
    });
}

/// What is on its way may be lost with a reset, from any place on: the kernel forgets what it has not sent. A Unix socket has
/// handed it over.
void simulated_socket::send_reset()
{
    simulated_world& world = home_.world_;
    if (const std::shared_ptr<simulated_socket> to = peer_.lock(); to && family_ != AF_UNIX && world.chance(0.5)) {
        const std::size_t kept = world.below(to->incoming_.size() + 1);
        while (to->incoming_.size() > kept) {
            to->incoming_bytes_ -= to->incoming_.back().bytes.size();
            to->incoming_.pop_back();
        }
    }
    carry({segment::kind::reset, {}});
}

void simulated_socket::arrive()
{
    if (incoming_.empty())
        return;
    const segment what = std::move(incoming_.front());
    incoming_.pop_front();
    incoming_bytes_ -= what.bytes.size();
    if (condition_ != condition::connected)
        return;
    switch (what.what) {
    case segment::kind::data:
        inbox_.insert(inbox_.end(), what.bytes.begin(), what.bytes.end());
        if (const std::shared_ptr<simulated_socket> from = peer_.lock())
            from->delivered_ += what.bytes.size();
        break;
    case segment::kind::end: end_received_ = true; break;
    case segment::kind::reset: break_connection(); return;
    }
    home_.changed(*this);
}

void simulated_socket::break_connection()
{
    if (condition_ != condition::connected)
        return;
    ++home_.world_.counts.resets;
    condition_ = condition::broken;
    error_ = end_received_ ? EPIPE : ECONNRESET;
    peer_.reset();
    home_.changed(*this);
}

bool simulated_socket::has_news() const noexcept
{
    return inbox_begin_ < inbox_.size() || end_received_ || error_ != 0 || condition_ != condition::connected;
}

std::uint32_t simulated_socket::readiness() const noexcept
{
    switch (condition_) {
    case condition::fresh: return EPOLLOUT | EPOLLHUP;
    case condition::listening: return waiting_.empty() ? 0U : EPOLLIN;
    case condition::connecting: return 0;
    case condition::broken: return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | (error_ != 0 ? EPOLLERR : 0U);
    case condition::connected: break;
    }
    std::uint32_t events = 0;
    const std::shared_ptr<simulated_socket> to = peer_.lock();
    if (!to || to->room() > 0)
        events |= EPOLLOUT;
    if (has_news())
        events |= EPOLLIN;
    if (end_received_)
        events |= EPOLLRDHUP;
    if (end_received_ && end_sent_)
        events |= EPOLLHUP;
    return events;
}

std::optional<int> simulated_socket::receive(std::span<std::byte> room, bool may_be_short)
{
    simulated_world& world = home_.world_;
    if (const std::size_t there = inbox_.size() - inbox_begin_; there > 0) {
        std::size_t size = std::min(there, room.size());
        if (may_be_short && size > 1 && world.chance(world.options.short_read))
            size = 1 + world.below(size);
        std::copy_n(inbox_.begin() + static_cast<std::ptrdiff_t>(inbox_begin_), size, room.begin());
        inbox_begin_ += size;
        if (inbox_begin_ == inbox_.size()) {
            inbox_.clear();
            inbox_begin_ = 0;
        }
        world.schedule(world.delay(), [there = peer_] {
            if (const std::shared_ptr<simulated_socket> alive = there.lock())
                alive->home_.changed(*alive);
        });
        world.note_bytes(room.first(size));
        return static_cast<int>(size);
    }
    if (end_received_)
        return 0;
    if (error_ != 0)
        return -std::exchange(error_, 0);
    if (condition_ == condition::broken)
        return 0;
    if (condition_ != condition::connected)
        return -ENOTCONN;
    return std::nullopt;
}

std::optional<int> simulated_socket::send(std::span<const std::byte> bytes)
{
    simulated_world& world = home_.world_;
    const bool was_connected = condition_ == condition::connected || condition_ == condition::broken;
    if (family_ == AF_UNIX && was_connected && peer_.expired())
        return -EPIPE;  // nothing is on its way there, so it knows at once, and keeps the error for the receive
    if (error_ != 0)
        return -std::exchange(error_, 0);
    if (end_sent_ || condition_ == condition::broken)
        return -EPIPE;
    if (condition_ != condition::connected)
        return -ENOTCONN;
    if (world.chance(world.options.reset)) {
        send_reset();
        world.schedule(world.delay(), [self = weak_from_this()] {
            if (const std::shared_ptr<simulated_socket> alive = self.lock())
                alive->break_connection();
        });
    }
    const std::shared_ptr<simulated_socket> to = peer_.lock();
    std::size_t size = std::min(bytes.size(), to ? to->room() : bytes.size());
    if (size == 0 && !bytes.empty())
        return std::nullopt;
    if (size > 1 && world.chance(world.options.short_write))
        size = 1 + world.below(size);
    std::span<const std::byte> rest = bytes.first(size);
    while (!rest.empty()) {
        const std::size_t piece = world.chance(world.options.split) ? 1 + world.below(rest.size()) : rest.size();
        carry({segment::kind::data, {rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(piece)}});
        rest = rest.subspan(piece);
    }
    return static_cast<int>(size);
}

int simulated_socket::shut_down(int how)
{
    if (condition_ != condition::connected)
        return -ENOTCONN;
    if (how != SHUT_RD && !end_sent_) {
        end_sent_ = true;
        carry({segment::kind::end, {}});
    }
    if (how != SHUT_WR) {
        end_received_ = true;
        home_.changed(*this);
    }
    return 0;
}

/// Tells the outcome after a while.
void simulated_socket::conclude(simulated_world::duration wait, int outcome, std::function<void(int)> done)
{
    home_.world_.schedule(wait, [self = weak_from_this(), outcome, done = std::move(done)] {
        const std::shared_ptr<simulated_socket> alive = self.lock();
        if (!alive)
            return;
        if (outcome < 0)
            alive->condition_ = condition::fresh;
        done(outcome);
    });
}

void simulated_socket::connect(const simulated_place& where, std::function<void(int)> done)
{
    simulated_world& world = home_.world_;
    if (condition_ != condition::fresh) {
        const int outcome = condition_ == condition::connecting ? -EALREADY : -EISCONN;
        world.schedule(world.delay(), [outcome, done = std::move(done)] { done(outcome); });
        return;
    }
    if (where.is_unix != (family_ == AF_UNIX)) {
        conclude(world.delay(), -EAFNOSUPPORT, std::move(done));
        return;
    }
    condition_ = condition::connecting;
    remote_ = where;
    if (where.is_any() && !where.is_unix)
        remote_.ip.back() = 1;  // the host itself
    if (where.is_any() && where.is_ipv4())
        remote_.ip[12] = 127;
    if (world.chance(world.options.connect_failure)) {
        ++world.counts.failed_connects;
        constexpr std::array failures{ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT};
        const int failure = failures[world.below(failures.size())];
        conclude(failure == ETIMEDOUT ? time_to_give_up : world.delay(), -failure, std::move(done));
        return;
    }
    if (where.is_unix && !home_.paths_.contains(where.path)) {
        conclude(world.delay(), -ENOENT, std::move(done));
        return;
    }
    if (!bound_ && !where.is_unix) {
        local_ = remote_;
        local_.port = home_.free_port(*this);
    } else if (local_.is_any()) {
        local_.ip = remote_.ip;
    }
    call_at(remote_, 1, std::move(done));
}

/// Knocks at the listening socket; a full one does not answer, and then it is tried again.
void simulated_socket::call_at(const simulated_place& where, unsigned attempt, std::function<void(int)> done)
{
    const simulated_world::duration wait = attempt == 1 ? home_.world_.delay() : time_between_calls;
    home_.world_.schedule(wait, [weak = weak_from_this(), where, attempt, done = std::move(done)]() mutable {
        const std::shared_ptr<simulated_socket> self = weak.lock();
        if (!self || self->condition_ != condition::connecting)
            return;
        simulated_network& home = self->home_;
        const std::shared_ptr<simulated_socket> listening = home.find_listener(where);
        if (!listening) {
            ++home.world_.counts.failed_connects;
            self->conclude(home.world_.delay(), -ECONNREFUSED, std::move(done));
        } else if (listening->waiting_.size() > listening->backlog_) {
            if (attempt == most_calls)
                self->conclude(time_to_give_up, -ETIMEDOUT, std::move(done));
            else
                self->call_at(where, attempt + 1, std::move(done));
        } else {
            const auto other_end = std::make_shared<simulated_socket>(home, listening->family_);
            other_end->condition_ = self->condition_ = condition::connected;
            other_end->local_ = where;
            other_end->remote_ = self->local_;
            other_end->peer_ = self;
            self->peer_ = other_end;
            listening->waiting_.push_back(other_end);
            home.changed(*listening);
            self->conclude(home.world_.delay(), 0, std::move(done));
        }
    });
}

}  // namespace coil::internal
