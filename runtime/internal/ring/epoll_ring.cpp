#include <coil/runtime/internal/ring/epoll_ring.hpp>

#include <coil/runtime/internal/ring/completion_queue.hpp>
#include <coil/runtime/internal/ring/file_job.hpp>
#include <coil/runtime/internal/ring/partial_send.hpp>
#include <coil/runtime/internal/ring/pending_requests.hpp>
#include <coil/runtime/internal/ring/quiet_sends.hpp>
#include <coil/runtime/internal/ring/receive_buffers.hpp>
#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/ring/watched_descriptors.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace coil::internal {
namespace {

using std::chrono::nanoseconds;

/// Events taken at once; the others stay with the kernel until what these brought was dealt with.
constexpr std::size_t most_events = 128;
/// What one descriptor may bring before the others get their turn.
constexpr unsigned most_received_at_once = 4;
constexpr unsigned most_accepted_at_once = 64;
/// A full backlog of a Unix socket makes no event when it has room again.
constexpr std::chrono::milliseconds backlog_pause{1};
constexpr nanoseconds longest_wait = std::chrono::hours(24 * 365);
/// In an event: jobs have ended. No descriptor has this number.
constexpr std::uint64_t jobs_ended = ~std::uint64_t{0};

constexpr std::uint32_t readable = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t writable = EPOLLOUT | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t trouble = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/// The events after which a request is worth another try.
std::uint32_t events_for(opcode code) noexcept
{
    switch (code) {
    case opcode::send:
    case opcode::send_message:
    case opcode::connect:
    case opcode::write: return writable;
    case opcode::poll: return readable | writable;
    default: return readable;
    }
}

capabilities capabilities_for(const ring_options& options, const unwanted_capabilities& unwanted)
{
    capabilities made;
    made.backend = coil::backend::epoll;
    made.reason = options.reason;
    made.multishot_accept = !unwanted.contains("multishot_accept");
    made.multishot_receive = !unwanted.contains("multishot_receive");
    made.provided_buffers =
        made.multishot_receive && options.receive_buffers > 0 && !unwanted.contains("provided_buffers");
    made.quiet_sends = !unwanted.contains("quiet_sends");
    made.submission_entries = options.submission_entries;
    made.completion_entries = options.completion_entries;
    made.receive_buffers = made.provided_buffers ? options.receive_buffers : 0;
    return made;
}

class epoll_ring final : public ring {
public:
    epoll_ring(const ring_options& options, const unwanted_capabilities& without,
               std::unique_ptr<nonblocking_system> on, std::unique_ptr<bell> news)
        : supported_(capabilities_for(options, without)),
          buffers_(supported_.receive_buffers, options.receive_buffer_size),
          system_(std::move(on)),
          jobs_(std::make_shared<finished_jobs>(std::move(news))),
          descriptors_(*system_)
    {
        if (options.submission_entries == 0)
            throw std::system_error(EINVAL, std::system_category(), "a ring without submission entries");
        queue_.reserve(options.submission_entries);
        if (const int refused = system_->watch(jobs_->descriptor_of_bell(), EPOLLIN, jobs_ended); refused != 0)
            throw std::system_error(-refused, std::system_category(), "epoll_ctl");
    }

    epoll_ring(const epoll_ring&) = delete;
    epoll_ring& operator=(const epoll_ring&) = delete;
    ~epoll_ring() override { jobs_->close(); }

    const capabilities& supported() const noexcept override { return supported_; }

    bool submit(const request& wanted) noexcept override
    {
        if (queue_.size() >= supported_.submission_entries)
            return false;
        queue_.push_back(wanted);
        return true;
    }

    void enter(std::optional<nanoseconds> wait) override
    {
        retried_requests whose_turn_it_is;
        whose_turn_it_is.splice(turns_);
        hand_over();  // what is cancelled leaves the list
        resume_all(whose_turn_it_is);
        if (!wait || wait->count() <= 0) {
            while (gather(wait)) {}
        } else {
            const auto end = system_->now() + std::min(*wait, longest_wait);
            while (wait->count() > 0 && gather(wait))
                wait = end - system_->now();
        }
        quiet_.settle();
    }

    bool has_news() const noexcept override
    {
        return !completions_.empty() || !turns_.empty() || system_->has_events();
    }

    bool next(completion& taken) noexcept override
    {
        if (quiet_.next(taken))
            return true;
        if (!completions_.take(taken))
            return false;
        if (taken.has_buffer) {
            --buffers_queued_;
            most_buffers_lent_ = std::max(most_buffers_lent_, buffers_lent());
        }
        return true;
    }

    void cancel_now(std::uint64_t user_data) noexcept override
    {
        hand_over();  // an operation that still waits here could not be found
        pending_request* const found = pending_.find(user_data);
        if (!found)
            return;
        if (!found->job) {
            end(*found, -ECANCELED);
            return;
        }
        end_job(*found);
    }

    std::byte* buffer(std::uint16_t id) noexcept override { return buffers_.memory(id); }
    void return_buffer(std::uint16_t id) noexcept override { buffers_.put(id); }
    unsigned buffers_lent() const noexcept override { return buffers_.missing() - buffers_queued_; }
    unsigned buffer_size() const noexcept override { return supported_.provided_buffers ? buffers_.size() : 0; }

    ring_counts counts() const noexcept override { return {.most_buffers_lent = most_buffers_lent_}; }

    void forget(int fd) noexcept override
    {
        hand_over();
        let_go(fd);
    }

private:
    /// What came of a try.
    enum class step : std::uint8_t { ended, waits, takes_turns, waits_for_time, on_thread };

    void hand_over() noexcept
    {
        for (const request& each : queue_)  // none of these adds to it
            carry_out(each);
        queue_.clear();
    }

    void carry_out(const request& wanted) noexcept
    {
        switch (wanted.code) {
        case opcode::cancel: tell(wanted, cancel(wanted.offset)); return;
        case opcode::close:
            let_go(wanted.fd);
            tell(wanted, system_->close(wanted.fd));
            return;
        case opcode::shut_down: tell(wanted, system_->shut_down(wanted.fd, static_cast<int>(wanted.option))); return;
        default: break;
        }
        pending_request fresh(wanted);
        const step came = attempt(fresh);
        if (came != step::ended)
            arrange(fresh.kept ? fresh : pending_.keep(fresh), came);
    }

    /// Tries what is pending once more.
    void resume(pending_request& what) noexcept
    {
        what.list_hook<retry_tag>::unlink();
        what.waits_for = awaited::nothing;
        const step came = attempt(what);
        if (came != step::ended)
            arrange(what, came);
    }

    step attempt(pending_request& what) noexcept
    {
        const request& wanted = what.wanted;
        const bool first = !std::exchange(what.begun, true);
        switch (wanted.code) {
        case opcode::accept: return accept(what, first);
        case opcode::receive: return receive(what);
        case opcode::receive_provided: return receive_provided(what);
        case opcode::send:
        case opcode::send_message: return send(what);
        case opcode::connect: return connect(what, first);
        case opcode::poll: {
            const int events = system_->poll(wanted.fd, wanted.option);
            return events == -EAGAIN ? step::waits : end(what, events);
        }
        case opcode::read:
        case opcode::write: return transfer(what, first);
        default:
            if (const int kind = wanted.fd >= 0 ? system_->kind_of(wanted.fd) : 0; kind < 0)
                return end(what, kind);
            return step::on_thread;
        }
    }

    /// Sees to it that it is tried again, or ended, at the right time.
    void arrange(pending_request& what, step came) noexcept
    {
        const int fd = what.wanted.fd;
        watched_descriptor* const of = fd >= 0 ? &descriptors_.at(fd) : nullptr;
        switch (came) {
        case step::ended: break;
        case step::waits: wait_for_readiness(what); break;
        case step::takes_turns:
            what.waits_for = awaited::turn;
            turns_.push_back(what);
            break;
        case step::waits_for_time:
            what.waits_for = awaited::time;
            paused_.push_back(what);
            break;
        case step::on_thread: start_job(what, false); break;
        }
        if (of && what.kept && !what.list_hook<waiting_tag>::linked())
            of->waiting.push_back(what);
    }

    void wait_for_readiness(pending_request& what) noexcept
    {
        watched_descriptor& of = descriptors_.at(what.wanted.fd);
        const bool verified = std::any_of(of.waiting.begin(), of.waiting.end(), [](const pending_request& each) {
            return each.waits_for == awaited::readiness || each.watched;
        });
        const int failure = descriptors_.watch(what.wanted.fd, verified);
        what.waits_for = awaited::readiness;
        what.watched = true;
        if (failure == -EPERM)
            start_job(what, false);
        else if (failure != 0)
            end(what, failure);
    }

    /// Tells the last of it. What was kept is gone afterwards.
    step end(pending_request& what, int result) noexcept
    {
        if (what.restore_blocking)
            system_->set_nonblocking(what.wanted.fd, false);
        tell(what.wanted, result);
        if (what.kept)
            pending_.drop(what);
        return step::ended;
    }

    void tell(const request& of, int result, bool more = false) noexcept
    {
        completions_.put({.user_data = of.user_data, .result = result, .more = more});
    }

    // The tries.

    step accept(pending_request& what, bool first) noexcept
    {
        const int fd = what.wanted.fd;
        if (first && system_->is_listening(fd))
            system_->set_nonblocking(fd, true);
        for (unsigned count = 0; count < most_accepted_at_once; ++count) {
            const int connected = system_->accept(fd);
            if (connected == -EAGAIN)
                return step::waits;
            if (connected >= 0)
                descriptors_.adopt(connected, fd);
            if (connected < 0 || !supported_.multishot_accept)
                return end(what, connected);
            tell(what.wanted, connected, true);
        }
        return step::takes_turns;
    }

    /// Spares a call that would find nothing. What has come since the last event makes one.
    bool waits_unasked(pending_request& what) noexcept
    {
        what.unasked = descriptors_.is_dry(what.wanted.fd);
        return what.unasked;
    }
    /// @param got  what a read of at most `size` bytes has brought.
    void note_read(int fd, int got, std::size_t size) noexcept
    {
        if (got == -EAGAIN || (got > 0 && static_cast<std::size_t>(got) < size && descriptors_.drains_when_short(fd)))
            descriptors_.at(fd).dry = true;
    }

    step receive(pending_request& what) noexcept
    {
        const request& wanted = what.wanted;
        if (waits_unasked(what))
            return step::waits;
        const int got = system_->receive(wanted.fd, const_cast<void*>(wanted.address), wanted.length);
        note_read(wanted.fd, got, wanted.length);
        return got == -EAGAIN ? step::waits : end(what, got);
    }

    step receive_provided(pending_request& what) noexcept
    {
        const int fd = what.wanted.fd;
        if (waits_unasked(what))
            return step::waits;
        for (unsigned count = 0; count < most_received_at_once; ++count) {
            if (count > 0 && descriptors_.is_dry(fd))
                return step::waits;
            if (buffers_.empty())  // those that wait to be taken here may come back at once
                return buffers_queued_ > 0 ? step::takes_turns : end(what, -ENOBUFS);
            const std::uint16_t id = buffers_.take();
            const int got = system_->receive(fd, buffers_.memory(id), buffers_.size());
            note_read(fd, got, buffers_.size());
            if (got <= 0) {
                buffers_.put(id);
                return got == -EAGAIN ? step::waits : end(what, got);
            }
            ++buffers_queued_;
            completions_.put(
                {.user_data = what.wanted.user_data, .result = got, .more = true, .has_buffer = true, .buffer = id});
        }
        return descriptors_.is_dry(fd) ? step::waits : step::takes_turns;
    }

    step send(pending_request& what) noexcept
    {
        const request& wanted = what.wanted;
        const int sent = send_rest(*system_, wanted, what.done);
        if (sent == -EAGAIN && !(wanted.option & MSG_DONTWAIT))
            return step::waits;
        if (wanted.quiet && sent == static_cast<int>(wanted.length)) {
            quiet_.add(wanted);
            return step::ended;
        }
        return end(what, sent);
    }

    step connect(pending_request& what, bool first) noexcept
    {
        const auto* const where = static_cast<const sockaddr*>(what.wanted.address);
        if (first)
            what.restore_blocking = system_->set_nonblocking(what.wanted.fd, true);
        const int outcome = system_->connect(what.wanted.fd, where, what.wanted.length);
        if (outcome == -EINPROGRESS)
            return step::waits;
        const bool is_unix = where->sa_family == AF_UNIX;
        return outcome == -EAGAIN && is_unix ? step::waits_for_time : end(what, outcome);
    }

    step transfer(pending_request& what, bool first) noexcept
    {
        const request& wanted = what.wanted;
        if (first) {
            const int kind = system_->kind_of(wanted.fd);
            if (kind < 0)
                return end(what, kind);
            what.kind = static_cast<descriptor_kind>(kind);
        }
        if (what.kind == descriptor_kind::stored)
            return step::on_thread;
        if (what.channel >= 0)
            return transferred(what, system_->transfer_plainly(wanted, what.channel));
        const int outcome = system_->transfer(wanted, what.kind);
        const bool otherwise = outcome == -EOPNOTSUPP && what.kind != descriptor_kind::socket;
        return otherwise ? transfer_otherwise(what) : transferred(what, outcome);
    }

    step transferred(pending_request& what, int outcome) noexcept
    {
        if (outcome == -EAGAIN)
            return step::waits;
        return end(what, outcome);
    }

    /// Where the file knows of no single call that does not wait.
    step transfer_otherwise(pending_request& what) noexcept
    {
        const request& wanted = what.wanted;
        if (system_->is_nonblocking(wanted.fd))
            return transferred(what, system_->transfer_plainly(wanted, wanted.fd));
        what.channel = system_->private_description(wanted.fd);
        if (what.channel >= 0)
            return transferred(what, system_->transfer_plainly(wanted, what.channel));
        const bool reads = wanted.code == opcode::read;
        const int ready = system_->poll(wanted.fd, reads ? POLLIN : POLLOUT);
        if (ready == -EAGAIN)
            return step::waits;
        if (ready < 0 || reads)
            return end(what, ready < 0 ? ready : system_->transfer_plainly(wanted, wanted.fd));
        // It may wait all the same, for room for the rest.
        pending_request& kept = what.kept ? what : pending_.keep(what);
        start_job(kept, true);
        if (kept.kept && !kept.list_hook<waiting_tag>::linked())
            descriptors_.at(wanted.fd).waiting.push_back(kept);
        return step::ended;  // here
    }

    // Jobs.

    void start_job(pending_request& what, bool detached) noexcept
    {
        const request& wanted = what.wanted;
        what.waits_for = awaited::thread;
        auto made = detached || wanted.code == opcode::open ? file_job::detached(wanted, jobs_)
                                                            : std::make_unique<file_job>(wanted, jobs_);
        if (!made) {
            end(what, -errno);
            return;
        }
        made->waiting = &what;
        what.job = made.get();
        if (const std::error_code refused = system_->run(*made)) {
            what.job = nullptr;
            end(what, -refused.value());
            return;
        }
        static_cast<void>(made.release());
    }

    void take_jobs() noexcept
    {
        while (const std::unique_ptr<file_job> ended = jobs_->take()) {
            ended->waiting->job = nullptr;
            end(*ended->waiting, ended->take_result());
        }
    }

    /// Sees to it that a job no longer uses the caller's memory or descriptor, and ends it.
    void end_job(pending_request& what) noexcept
    {
        if (what.job->is_detached() ? jobs_->abandon(*what.job) : jobs_->revoke(*what.job)) {
            what.job = nullptr;
            end(what, -ECANCELED);
            return;
        }
        jobs_->wait_for(*what.job);
        take_jobs();
    }

    // Endings.

    int cancel(std::uint64_t user_data) noexcept
    {
        pending_request* const found = pending_.find(user_data);
        if (!found)
            return -ENOENT;
        if (found->job) {
            // A file that is opened in vain is closed; of what is written somebody wants to know how much it was.
            const bool opens = found->wanted.code == opcode::open;
            if (!(opens ? jobs_->abandon(*found->job) : jobs_->revoke(*found->job)))
                return -EALREADY;
            found->job = nullptr;
        }
        if (found->unasked) {  // what came before the cancel comes first
            watched_descriptor& of = descriptors_.at(found->wanted.fd);
            of.dry = of.fresh = false;
            resume(*found);
            if (!found->kept)
                return -ENOENT;
        }
        end(*found, -ECANCELED);
        return 0;
    }

    void let_go(int fd) noexcept
    {
        watched_descriptor* const of = descriptors_.find(fd);
        if (!of)
            return;
        while (!of->waiting.empty()) {
            pending_request& each = of->waiting.front();
            if (each.job)
                end_job(each);
            else
                end(each, -ECANCELED);
        }
        descriptors_.forget(fd);
        system_->forget_private_description(fd);
    }

    // Waiting.

    void resume_all(retried_requests& batch) noexcept
    {
        while (!batch.empty())
            resume(batch.front());
    }

    void try_paused() noexcept
    {
        retried_requests batch;
        batch.splice(paused_);
        resume_all(batch);
    }

    /// Waits for events once and takes them. @return whether there is still nothing to tell, and a reason to wait on.
    bool gather(std::optional<nanoseconds> wait)
    {
        const bool sleeps = completions_.empty() && turns_.empty();
        if (!sleeps)
            wait = nanoseconds(0);
        else if (!paused_.empty())
            wait = wait ? std::min<nanoseconds>(*wait, backlog_pause) : backlog_pause;
        std::array<epoll_event, most_events> events;
        const int count = system_->wait(events, wait);
        if (count < 0 && count != -EINTR)
            throw std::system_error(-count, std::system_category(), "epoll_wait");
        for (int i = 0; i < count; ++i)
            take(events[static_cast<std::size_t>(i)]);
        if (sleeps && !paused_.empty())
            try_paused();
        return completions_.empty() && turns_.empty() && count >= 0 && (!wait || wait->count() > 0);
    }

    void take(const epoll_event& event) noexcept
    {
        if (event.data.u64 == jobs_ended) {
            take_jobs();
            return;
        }
        watched_descriptor* const of = descriptors_.of_event(event);
        if (!of)
            return;
        if (event.events & readable)
            of->dry = false;
        if (event.events & trouble)
            of->troubled = true;
        for (auto each = of->waiting.begin(); each != of->waiting.end();) {
            pending_request& what = *each;
            ++each;  // it may leave the list
            if (what.waits_for == awaited::readiness && event.events & events_for(what.wanted.code))
                resume(what);
        }
    }

    const capabilities supported_;
    receive_buffers buffers_;
    unsigned buffers_queued_ = 0;  // with completions that were not taken yet
    unsigned most_buffers_lent_ = 0;
    std::unique_ptr<nonblocking_system> system_;
    std::shared_ptr<finished_jobs> jobs_;
    std::vector<request> queue_;
    completion_queue completions_;
    quiet_sends quiet_;
    // The lists before what they hold: they are left when that is destroyed.
    retried_requests turns_;
    retried_requests paused_;
    watched_descriptors descriptors_;
    pending_requests pending_;
};

}  // namespace

std::unique_ptr<ring> make_epoll_ring(const ring_options& options)
{
    return make_epoll_ring(options, unwanted_capabilities(), make_kernel_nonblocking_system(),
                           kernel_system().make_bell());
}

std::unique_ptr<ring> make_epoll_ring(const ring_options& options, const unwanted_capabilities& without,
                                      std::unique_ptr<nonblocking_system> on, std::unique_ptr<bell> news)
{
    return std::make_unique<epoll_ring>(options, without, std::move(on), std::move(news));
}

}  // namespace coil::internal
