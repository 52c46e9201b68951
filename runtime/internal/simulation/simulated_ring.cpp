#include <coil/runtime/internal/simulation/simulated_ring.hpp>

#include <coil/runtime/internal/poison.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace coil::internal {
namespace {

constexpr std::byte returned_pattern{0xdb};

const char* name_of(opcode code) noexcept
{
    switch (code) {
    case opcode::accept: return "accept";
    case opcode::receive: return "receive";
    case opcode::receive_provided: return "receive into a provided buffer";
    case opcode::send: return "send";
    case opcode::send_message: return "send of a message";
    case opcode::connect: return "connect";
    case opcode::shut_down: return "shutdown";
    case opcode::close: return "close";
    case opcode::read: return "read";
    case opcode::write: return "write";
    case opcode::open: return "open";
    case opcode::status: return "status";
    case opcode::synchronize: return "synchronize";
    case opcode::poll: return "poll";
    case opcode::cancel: return "cancel";
    }
    return "unknown request";
}

bool uses_descriptor(opcode code) noexcept
{
    return code != opcode::open && code != opcode::status && code != opcode::cancel;
}

}  // namespace

simulated_ring::simulated_ring(simulated_world& world, simulated_network& network) : world_(world), network_(network)
{
    network_.on_change([this](simulated_socket& which) { socket_changed(which); });
    const simulation_options& options = world_.options;
    supported_.single_issuer = true;
    supported_.defer_taskrun = true;
    supported_.submit_all = true;
    supported_.quiet_sends = options.quiet_sends;
    supported_.multishot_accept = options.multishot;
    supported_.multishot_receive = options.multishot;
    supported_.submission_entries = options.submission_entries;
    supported_.completion_entries = options.completion_entries;
    if (!options.multishot || options.receive_buffers == 0)
        return;
    supported_.provided_buffers = true;
    supported_.receive_buffers = options.receive_buffers;
    buffer_memory_.resize(options.receive_buffers * buffer_stride(), returned_pattern);
    buffer_states_.resize(options.receive_buffers, buffer_state::pooled);
    for (unsigned id = 0; id < options.receive_buffers; ++id)
        pool_.push_back(static_cast<std::uint16_t>(id));
    poison(buffer_memory_.data(), buffer_memory_.size());
}

simulated_ring::~simulated_ring()
{
    network_.on_change({});
    unpoison(buffer_memory_.data(), buffer_memory_.size());
    world_.counts.pending_operations = pending_.size();
    world_.clear_agenda();
}

bool simulated_ring::submit(const request& wanted) noexcept
{
    if (queued_.size() >= world_.options.submission_entries || world_.chance(world_.options.full_queue))
        return false;
    queued_.push_back(wanted);
    return true;
}

void simulated_ring::forget(int fd) noexcept
{
    // As the kernel's ring does: a request on it that still waits belongs to what is closed now.
    if (std::any_of(queued_.begin(), queued_.end(), [fd](const request& each) { return each.fd == fd; }))
        hand_over();
}

void simulated_ring::hand_over()
{
    while (!queued_.empty()) {
        const request wanted = queued_.front();
        queued_.pop_front();
        hand_over(wanted);
    }
}

void simulated_ring::hand_over(const request& wanted)
{
    const auto data = static_cast<std::int64_t>(wanted.user_data);
    world_.note(name_of(wanted.code), {wanted.fd, wanted.length, static_cast<std::int64_t>(wanted.option), data});
    const bool at_once = world_.chance(0.5);
    if (wanted.code == opcode::cancel) {
        if (at_once)
            cancel(wanted.offset, wanted.user_data);
        else
            world_.schedule(world_.delay(), [this, wanted] { cancel(wanted.offset, wanted.user_data); });
        return;
    }
    check_quiet(wanted);
    pending begun;
    begun.wanted = wanted;
    begun.serial = next_serial_++;
    if (uses_descriptor(wanted.code) && simulated_network::owns(wanted.fd) && !network_.find_bell(wanted.fd))
        begun.file = network_.find(wanted.fd, name_of(wanted.code));
    remember_memory(begun);
    const auto [place, is_new] = pending_.emplace(wanted.user_data, std::move(begun));
    if (!is_new)
        world_.stop_program(std::string(name_of(wanted.code)) + " with the number of a request that is pending");
    pending& here = place->second;
    if (here.file)
        by_socket_[here.file.get()].push_back(wanted.user_data);
    if (wanted.code == opcode::connect && here.file)
        connect(here);
    else if (at_once || wanted.quiet)  // a send that does not wait is over when it is handed over
        attempt(here);
    else
        attempt_later(here);
}

void simulated_ring::remember_memory(pending& of) const
{
    const request& wanted = of.wanted;
    if (!of.file)
        return;
    if (wanted.code == opcode::send) {
        of.memory.push_back({const_cast<void*>(wanted.address), wanted.length});
    } else if (wanted.code == opcode::send_message) {
        const auto* message = static_cast<const msghdr*>(wanted.address);
        of.memory.assign(message->msg_iov, message->msg_iov + message->msg_iovlen);
    } else if (wanted.code == opcode::receive) {
        of.memory.push_back({const_cast<void*>(wanted.address), wanted.length});
    }
    for (const iovec& each : of.memory)
        of.total += each.iov_len;
    if (wanted.code == opcode::send_message)
        world_.note("  of bytes", {static_cast<std::int64_t>(of.total)});
    of.print = print_of(of);
}

std::uint64_t simulated_ring::print_of(const pending& of) const noexcept
{
    std::uint64_t print = 0;
    for (const iovec& each : of.memory)
        print = print * 31 + fingerprint({static_cast<const std::byte*>(each.iov_base), each.iov_len});
    return print;
}

void simulated_ring::attempt_later(pending& which)
{
    if (std::exchange(which.on_agenda, true))
        return;
    world_.schedule(world_.delay(), [this, user_data = which.wanted.user_data, serial = which.serial] {
        attempt_now(user_data, serial);
    });
}

void simulated_ring::attempt_now(std::uint64_t user_data, std::uint64_t serial)
{
    const auto found = pending_.find(user_data);
    if (found == pending_.end() || found->second.serial != serial)
        return;
    found->second.on_agenda = false;
    attempt(found->second);
}

void simulated_ring::attempt(pending& which)
{
    const request& wanted = which.wanted;
    if (!which.file) {
        call_system(which);
        return;
    }
    switch (wanted.code) {
    case opcode::accept: accept(which); break;
    case opcode::receive: receive(which); break;
    case opcode::receive_provided: receive_provided(which); break;
    case opcode::send:
    case opcode::send_message: send(which); break;
    case opcode::shut_down: finish(which, which.file->shut_down(static_cast<int>(wanted.option))); break;
    case opcode::close:
        network_.close(wanted.fd);
        finish(which, 0);
        break;
    case opcode::connect: break;  // its outcome comes by itself
    default: finish(which, -EINVAL); break;
    }
}

void simulated_ring::accept(pending& which)
{
    const std::optional<int> outcome = which.file->accept();
    if (!outcome)
        return;
    const bool goes_on = *outcome >= 0 && supported_.multishot_accept && !queue_full() && !world_.chance(world_.options.early_end);
    if (!goes_on) {
        finish(which, *outcome);
        return;
    }
    post({.user_data = which.wanted.user_data, .result = *outcome, .more = true});
    attempt_later(which);
}

void simulated_ring::receive(pending& which)
{
    if (which.file->has_news() && print_of(which) != which.print)
        world_.stop_program("memory of a receive changed while the receive was pending: " + which.file->describe());
    auto* memory = static_cast<std::byte*>(const_cast<void*>(which.wanted.address));
    if (const std::optional<int> outcome = which.file->receive({memory, which.wanted.length})) {
        which.memory.clear();
        finish(which, *outcome);
    }
}

void simulated_ring::receive_provided(pending& which)
{
    if (pool_.empty() || world_.chance(world_.options.no_buffer)) {
        ++world_.counts.buffer_shortages;
        finish(which, -ENOBUFS);
        return;
    }
    const std::uint16_t id = pool_.front();
    unpoison(buffer(id), buffer_size());
    const std::optional<int> outcome = which.file->receive({buffer(id), buffer_size()});
    if (!outcome || *outcome <= 0) {
        poison(buffer(id), buffer_size());
        if (outcome)
            finish(which, *outcome);
        return;
    }
    pool_.pop_front();
    buffer_states_[id] = buffer_state::filled;
    completion what{.user_data = which.wanted.user_data, .result = *outcome, .more = true, .has_buffer = true, .buffer = id};
    what.more = !queue_full() && !world_.chance(world_.options.early_end);
    if (!what.more) {
        finish(which, what);
        return;
    }
    post(what);
    attempt_later(which);
}

void simulated_ring::send(pending& which)
{
    const bool waits = !(which.wanted.option & MSG_DONTWAIT);
    const bool whole = waits && (which.wanted.option & MSG_WAITALL);
    while (which.done < which.total) {
        std::size_t skip = which.done;
        std::size_t index = 0;
        while (skip >= which.memory[index].iov_len)
            skip -= which.memory[index++].iov_len;
        const std::span piece(static_cast<const std::byte*>(which.memory[index].iov_base), which.memory[index].iov_len);
        std::optional<int> outcome = which.file->send(piece.subspan(skip));
        if (!outcome && !waits)
            outcome = -EAGAIN;
        if (!outcome && (whole || which.done == 0))
            return;
        if (!outcome || *outcome < 0) {
            finish(which, which.done > 0 ? static_cast<int>(which.done) : *outcome);
            return;
        }
        const auto sent = static_cast<std::size_t>(*outcome);
        world_.note_bytes(piece.subspan(skip, sent));
        which.done += sent;
        if (sent == piece.size() - skip)
            continue;
        if (!whole)
            break;
        attempt_later(which);
        return;
    }
    finish(which, static_cast<int>(which.done));
}

void simulated_ring::connect(pending& which)
{
    const auto where =
        simulated_place::from_system(static_cast<const sockaddr*>(which.wanted.address), which.wanted.length);
    if (!where) {
        finish(which, -EINVAL);
        return;
    }
    which.file->connect(*where, [this, user_data = which.wanted.user_data, serial = which.serial](int outcome) {
        const auto found = pending_.find(user_data);
        if (found != pending_.end() && found->second.serial == serial)
            finish(found->second, outcome);
    });
}

void simulated_ring::cancel(std::uint64_t target, std::uint64_t user_data)
{
    auto found = pending_.find(target);
    const std::uint64_t race = world_.below(4);
    if (found != pending_.end() && race == 0) {
        // The request gets as far as it can just before.
        attempt(found->second);
        found = pending_.find(target);
    }
    if (found == pending_.end()) {
        ++world_.counts.cancel_races;
        post({.user_data = user_data, .result = -ENOENT});
        return;
    }
    if (race == 1) {
        // It is being worked on at this moment and ends by itself.
        ++world_.counts.cancel_races;
        post({.user_data = user_data, .result = -EALREADY});
        const std::uint64_t serial = found->second.serial;
        world_.schedule(world_.delay(), [this, target, serial] {
            attempt_now(target, serial);
            const auto left = pending_.find(target);
            if (left != pending_.end() && left->second.serial == serial)
                end_cancelled(target);
        });
        return;
    }
    if (race == 2)
        post({.user_data = user_data, .result = 0});
    end_cancelled(target);
    if (race != 2)
        post({.user_data = user_data, .result = 0});
}

/// What a send had taken is taken.
void simulated_ring::end_cancelled(std::uint64_t target)
{
    pending& which = pending_.at(target);
    finish(which, which.done > 0 ? static_cast<int>(which.done) : -ECANCELED);
}

void simulated_ring::cancel_now(std::uint64_t user_data) noexcept
{
    hand_over();
    auto found = pending_.find(user_data);
    if (found != pending_.end() && world_.chance(0.5)) {
        attempt(found->second);
        found = pending_.find(user_data);
    }
    if (found != pending_.end())
        end_cancelled(user_data);
}

void simulated_ring::socket_changed(simulated_socket& which)
{
    const auto found = by_socket_.find(&which);
    if (found == by_socket_.end())
        return;
    for (const std::uint64_t each : found->second)
        attempt_later(pending_.at(each));
}

void simulated_ring::finish(pending& which, int result)
{
    finish(which, {.user_data = which.wanted.user_data, .result = result});
}

void simulated_ring::finish(pending& which, const completion& last)
{
    if (!which.memory.empty() && print_of(which) != which.print)
        world_.stop_program("memory changed under a pending " + std::string(name_of(which.wanted.code)) + ": " +
                            which.file->describe());
    completion what = last;
    what.more = false;
    const std::shared_ptr<simulated_socket> file = std::move(which.file);  // let go when all is done
    if (file) {
        const auto found = by_socket_.find(file.get());
        std::erase(found->second, what.user_data);
        if (found->second.empty())
            by_socket_.erase(found);
    }
    const bool tells_nobody = which.wanted.quiet && what.result == static_cast<int>(which.total);
    pending_.erase(what.user_data);
    if (tells_nobody)
        quiet_.push_back(what);
    else
        post(what);
}

void simulated_ring::check_quiet(const request& wanted) const
{
    const bool sends = wanted.code == opcode::send || wanted.code == opcode::send_message;
    if (wanted.quiet && !(supported_.quiet_sends && sends && (wanted.option & MSG_DONTWAIT)))
        world_.stop_program(std::string("a quiet ") + name_of(wanted.code) + ", which only a send that does not wait can be");
}

/// As the kernel's ring: what has not failed has succeeded, once it is certain that no failure waits for room in the queue.
void simulated_ring::settle_quiet()
{
    if (quiet_.empty() || !overflowed_.empty() || world_.chance(world_.options.interruption))
        return;
    concluded_.insert(concluded_.end(), quiet_.begin(), quiet_.end());
    quiet_.clear();
}

void simulated_ring::post(const completion& what)
{
    world_.note("  completion", {static_cast<std::int64_t>(what.user_data), what.result, what.more, what.has_buffer ? what.buffer : -1});
    if (queue_full()) {
        ++world_.counts.overflows;
        overflowed_.push_back(what);
    } else {
        completions_.push_back(what);
    }
}

void simulated_ring::flush_overflow()
{
    while (!overflowed_.empty() && completions_.size() < world_.options.completion_entries) {
        completions_.push_back(overflowed_.front());
        overflowed_.pop_front();
    }
}

bool simulated_ring::next(completion& taken) noexcept
{
    if (!concluded_.empty()) {
        taken = concluded_.front();
        concluded_.pop_front();
        return true;
    }
    if (completions_.empty())
        return false;
    taken = completions_.front();
    completions_.pop_front();
    if (taken.has_buffer) {
        ++buffers_lent_;
        counts_.most_buffers_lent = std::max(counts_.most_buffers_lent, buffers_lent_);
        buffer_states_[taken.buffer] = buffer_state::lent;
    }
    return true;
}

void simulated_ring::return_buffer(std::uint16_t id) noexcept
{
    if (id >= buffer_states_.size() || buffer_states_[id] != buffer_state::lent)
        world_.stop_program("receive buffer " + std::to_string(id) + " is given back and was not lent");
    std::fill_n(buffer(id), buffer_size(), returned_pattern);
    poison(buffer(id), buffer_size());
    buffer_states_[id] = buffer_state::pooled;
    pool_.push_back(id);
    --buffers_lent_;
}

void simulated_ring::enter(std::optional<std::chrono::nanoseconds> wait)
{
    world_.note("enter", {wait ? wait->count() : -1});
    counts_.overflows += !overflowed_.empty();
    world_.pass(std::chrono::nanoseconds(500 + world_.below(1000)));
    const bool undecided = !quiet_.empty();
    hand_over();
    flush_overflow();
    poll_system();
    if (++turns_ > world_.options.most_turns)
        give_up("it does not end");
    std::optional<simulated_world::time_point> limit;
    if (wait) {
        const auto now = world_.now();
        limit = *wait < simulated_world::time_point::max() - now ? now + *wait : simulated_world::time_point::max();
    }
    if (undecided || world_.chance(world_.options.interruption))
        limit = world_.now();
    while (true) {
        const std::optional<simulated_world::time_point> next = world_.next();
        if (next && *next <= world_.now()) {
            world_.run_next();
        } else if (!completions_.empty()) {
            break;
        } else if (next && (!limit || *next <= *limit)) {
            give_up_after(*next);
            world_.run_next();
        } else if (limit) {
            give_up_after(*limit);
            world_.pass(std::max(*limit - world_.now(), simulated_world::duration(0)));
            break;
        } else if (!poll_system()) {
            give_up("nothing can happen any more");
            break;
        }
    }
    settle_quiet();
}

void simulated_ring::give_up_after(simulated_world::time_point then)
{
    if (world_.elapsed() + (then - world_.now()) > world_.options.longest_run)
        give_up("it takes too long");
}

/// Ends the run with a failure. The loop that is then taken down may enter again.
void simulated_ring::give_up(const char* why)
{
    if (!std::exchange(failed_, true))
        world_.fail(std::string(why) + "; pending:" + describe_pending());
}

std::string simulated_ring::describe_pending() const
{
    std::string text;
    for (const auto& [user_data, each] : pending_)
        text += "\n  " + std::string(name_of(each.wanted.code)) + " on " + std::to_string(each.wanted.fd) + ": " +
                (each.file                                       ? each.file->describe()
                 : simulated_network::owns(each.wanted.fd) ? "a bell"
                                                           : "the system's");
    if (!quiet_.empty())
        text += "\n  " + std::to_string(quiet_.size()) + " quiet sends, which succeeded and tell nobody";
    return text.empty() ? " nothing" : text;
}

}  // namespace coil::internal
