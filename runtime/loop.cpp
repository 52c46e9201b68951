#include <coil/runtime/loop.hpp>

#include <coil/runtime/internal/mailbox.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/internal/stretch.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include <pthread.h>

namespace coil {
namespace {

using internal::stop_program;
using std::chrono::steady_clock;

thread_local loop* this_thread_loop = nullptr;
bool forked_from_loop = false;

constexpr unsigned most_between_turns = 256;
constexpr std::chrono::milliseconds longest_without_entry{1};
constexpr std::chrono::seconds longest_goodbye{5};
constexpr std::chrono::seconds longest_linger{2};

/// In the child, on its only thread: the kernel shares no ring with it, so it begins without a loop.
void leave_loop_behind() noexcept
{
    if (std::exchange(this_thread_loop, nullptr))
        forked_from_loop = true;
}

[[noreturn]] void stop_without_loop()
{
    if (forked_from_loop)
        stop_program("a loop is used in a process that was forked from its own, where it does not work: "
                     "call exec, or make another loop after the fork");
    stop_program("this thread has no loop");
}

struct event_counter final : internal::operation_memory {
    std::uint64_t value = 0;
};

}  // namespace

namespace internal {

/// Waits for the bell of the mailbox, which wakes the loop when it sleeps.
class bell_listener final : public completion_handler, public ready_item {
public:
    explicit bell_listener(int bell) : bell_(bell) { listen(); }

    void complete(const completion&, operation_memory*) noexcept override { loop::current().enqueue(*this); }
    void run() noexcept override { listen(); }

private:
    void listen()
    {
        auto counter = std::make_unique<event_counter>();
        const request wanted{.code = opcode::read,
                             .fd = bell_,
                             .address = &counter->value,
                             .length = sizeof counter->value};
        listening_.start(wanted, *this, std::move(counter));
    }

    int bell_;
    operation listening_;
};

namespace {

class posted_call final : public mail, public pooled {
public:
    explicit posted_call(std::function<void()> call) noexcept : call_(std::move(call)) {}

    void deliver() noexcept override
    {
        this_thread_stretch.begin();
        try {
            call_();
        } catch (...) {
            loop::current().uncaught(std::current_exception(), "a posted call");
        }
        this_thread_stretch.end(nullptr);
        delete this;
    }
    void drop() noexcept override { delete this; }

private:
    std::function<void()> call_;
};

std::string text_of(std::exception_ptr exception)
{
    try {
        std::rethrow_exception(std::move(exception));
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "not derived from std::exception";
    }
}

}  // namespace
}  // namespace internal

bool loop_handle::post(std::function<void()> call) const
{
    if (!call)
        throw std::invalid_argument("coil: an empty call is posted to a loop");
    auto letter = std::make_unique<internal::posted_call>(std::move(call));
    if (!mailbox_->send(*letter))
        return false;
    static_cast<void>(letter.release());
    return true;
}

loop::loop(const loop_options& options)
    : loop(internal::make_ring({.backend = options.backend,
                                .restricted = options.restricted,
                                .submission_entries = options.submission_entries,
                                .completion_entries = options.completion_entries,
                                .receive_buffers = options.receive_buffers,
                                .receive_buffer_size = options.receive_buffer_size}))
{
    watched_ = options.blocked_threshold.count() > 0;
    internal::this_thread_stretch.limit = options.blocked_threshold;
    internal::this_thread_stretch.too_long = &loop::report_blocked;
}

loop::loop(std::unique_ptr<internal::ring> ring, internal::system& calls)
    : ring_(std::move(ring)), system_(calls), now_(system_.now()), mailbox_(std::make_shared<internal::mailbox>(system_.make_bell(), ring_->descriptor()))
{
    if (this_thread_loop)
        stop_program("a second loop on one thread");
    static const int watching_forks = ::pthread_atfork(nullptr, nullptr, &leave_loop_behind);
    static_cast<void>(watching_forks);
    this_thread_loop = this;
    bell_listener_ = std::make_unique<internal::bell_listener>(mailbox_->wake_descriptor());
}

loop::~loop()
{
    if (this_thread_loop != this)
        stop_without_loop();
    mailbox_->close();
    bell_listener_.reset();
    while (!background_.empty())
        delete &background_.pop_front();
    while (!residents_.empty())
        residents_.pop_front().lose_loop();
    leave_kernel();
    internal::this_thread_stretch.limit = {};
    this_thread_loop = nullptr;
}

loop& loop::current() noexcept
{
    if (!this_thread_loop)
        stop_without_loop();
    return *this_thread_loop;
}

loop* loop::current_or_null() noexcept
{
    return this_thread_loop;
}

void loop::post(std::function<void()> call)
{
    handle().post(std::move(call));
}

void loop::uncaught(std::exception_ptr exception, const char* of) noexcept
{
    if (on_uncaught_)
        on_uncaught_(std::move(exception));
    else
        stop_program(std::string("an exception left ") + of + ": " + internal::text_of(std::move(exception)));
}

void loop::tell_uncaught(std::exception_ptr exception, const char* of) noexcept
{
    if (on_uncaught_)
        on_uncaught_(std::move(exception));
    else
        std::fprintf(stderr, "coil: an exception left %s: %s\n", of, internal::text_of(std::move(exception)).c_str());
}

loop::run_mark::run_mark(loop& of) noexcept : of_(of)
{
    if (of.running_)
        stop_program("loop::run is called in what the loop runs; co_await is for that");
    of.running_ = true;
}

loop::run_mark::~run_mark()
{
    of_.running_ = false;
    if (of_.draining_->stop_requested())
        of_.draining_.emplace();
}

bool loop::begin_drain() noexcept
{
    draining_->request_stop();
    internal::list<internal::drainable> asked;
    asked.splice(drainables_);
    const bool something_drains = !asked.empty();
    while (!asked.empty()) {
        internal::drainable& each = asked.pop_front();
        drainables_.push_back(each);
        each.begin_drain();
    }
    return something_drains;
}

void loop::report_blocked(const internal::coroutine_origin* who, std::chrono::nanoseconds time) noexcept
{
    const blocked_report report{.coroutine = who ? who->describe() : std::string(), .time = time};
    if (const auto& handler = current().on_blocked_) {
        handler(report);
        return;
    }
    const auto shown = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    std::fprintf(stderr, "coil: %s kept the loop's thread for %lld ms\n",
                 report.coroutine.empty() ? "a coroutine or call" : report.coroutine.c_str(), static_cast<long long>(shown));
}

loop_stats loop::stats() const noexcept
{
    loop_stats now = stats_;
    now.operations = operations_.in_use();
    now.timers = timers_.size();
    now.receive_buffers_lent = ring_->buffers_lent();
    now.wake_ups = mailbox_->wake_ups();
    const internal::ring_counts of_ring = ring_->counts();
    now.completion_overflows = of_ring.overflows;
    now.lost_completions = of_ring.lost;
    if (capabilities().provided_buffers)
        now.fewest_buffers_left = now.buffer_shortages > 0 ? 0 : capabilities().receive_buffers - of_ring.most_buffers_lent;
    return now;
}

bool loop::request(const internal::request& wanted) noexcept
{
    const bool taken = ring_->submit(wanted);
    stats_.submissions += taken;
    return taken;
}

void loop::submit(internal::operation_node& node) noexcept
{
    node.request_.quiet &= capabilities().quiet_sends;
    if (backlog_.empty() && request(node.request_))
        return;
    ++stats_.backlogged;
    backlog_.push_back(node);
}

/// Nothing may sleep on what posts nothing. What waits in the backlog goes to the kernel as a request that tells its end;
/// for what is there already the loop enters without sleeping, which decides it.
void loop::need_completion(internal::operation_node& node) noexcept
{
    if (node.linked() && !node.cancelling_)
        node.request_.quiet = false;
    else if (!std::exchange(node.needed_, true))
        ++quiet_and_needed_;
}

/// Cancelling is seldom, so every build looks.
void loop::check_own(internal::operation_node& node) noexcept
{
    if (operations_.find(node.user_data()) != &node)
        stop_program("an operation of another thread's loop is cancelled, or what waits for it destroyed, on this thread");
}

void loop::cancel(internal::operation_node& node) noexcept
{
    check_own(node);
    if (node.cancelling_)
        return;
    node.cancelling_ = true;
    ++stats_.cancellations;
    if (node.linked()) {  // in the backlog: it never reached the kernel and ends here
        node.unlink();
        dispatch({.user_data = node.user_data(), .result = -ECANCELED});
        return;
    }
    if (!request({.code = internal::opcode::cancel, .offset = node.user_data()}))
        cancel_backlog_.push_back(node);
}

void loop::cancel_now(internal::operation_node& node) noexcept
{
    check_own(node);
    if (node.linked() && !node.cancelling_) {
        node.unlink();
        operations_.put(node);
        return;
    }
    ++stats_.cancellations;
    ring_->cancel_now(node.user_data());
}

void loop::dispatch(const internal::completion& what) noexcept
{
    ++stats_.completions;
    internal::operation_node* node = operations_.find(what.user_data);
    if (!node)
        return;  // of a cancel request
    node->deliver(what, *this);
    if (what.more)
        return;
    quiet_and_needed_ -= node->needed_;
    operations_.put(*node);
}

void loop::close(int descriptor) noexcept
{
    if (loop* here = this_thread_loop) {
        here->ring_->forget(descriptor);
        here->system_.close(descriptor);
    } else {
        internal::kernel_system().close(descriptor);
    }
}

void loop::drain_backlog() noexcept
{
    while (!cancel_backlog_.empty()) {
        if (!request({.code = internal::opcode::cancel, .offset = cancel_backlog_.front().user_data()}))
            return;
        cancel_backlog_.pop_front();
    }
    while (!backlog_.empty()) {
        if (!request(backlog_.front().request_))
            return;
        backlog_.pop_front();
    }
}

unsigned loop::run_ready() noexcept
{
    // What becomes ready meanwhile waits for the next pass.
    internal::list<internal::ready_item> batch;
    batch.splice(ready_);
    unsigned count = 0;
    for (; !batch.empty(); ++count) {
        if (watched_) [[unlikely]]
            run_watched(batch.pop_front());
        else
            batch.pop_front().run();
    }
    return count;
}

void loop::run_watched(internal::ready_item& item) noexcept
{
    internal::this_thread_stretch.begin();
    item.run();
    internal::this_thread_stretch.end(nullptr);
}

void loop::run_passes(const bool& done) noexcept
{
    // Bounded, so that busy coroutines cannot keep the kernel's news away.
    for (unsigned count = 0; count < most_between_turns && !ready_.empty() && !done;)
        count += run_ready();
}

void loop::run_heavy() noexcept
{
    if (heavy_.empty())
        return;
    const bool others_wait = !ready_.empty() || !before_submission_.empty() || ring_->has_news();
    if (others_wait && now_ - heavy_ended_ < heavy_took_)
        return;
    const auto began = system_.now();
    do {
        if (watched_) [[unlikely]]
            run_watched(heavy_.pop_front());
        else
            heavy_.pop_front().run();
        run_ready();  // what it has woken
        heavy_ended_ = system_.now();
        heavy_took_ = heavy_ended_ - began;
    } while (!heavy_.empty() && !ring_->has_news() && heavy_took_ < longest_without_entry);
}

std::optional<std::chrono::nanoseconds> loop::time_to_wait() const noexcept
{
    if (!ready_.empty() || !heavy_.empty() || !backlog_.empty() || !cancel_backlog_.empty() ||
        quiet_and_needed_ > 0)
        return std::chrono::nanoseconds(0);
    const std::optional<steady_clock::time_point> next = timers_.next();
    if (!next)
        return std::nullopt;
    const steady_clock::time_point now = system_.now();
    return *next > now ? *next - now
                       : std::chrono::nanoseconds(0);  // one long past is too far from now to be subtracted
}

void loop::turn()
{
    if (this_thread_loop != this) [[unlikely]]
        stop_without_loop();
    while (!before_submission_.empty())
        before_submission_.pop_front().run();
    drain_backlog();
    std::optional<std::chrono::nanoseconds> wait = time_to_wait();
    if (wait != std::chrono::nanoseconds(0) && !mailbox_->fall_asleep())
        wait = std::chrono::nanoseconds(0);
    ring_->enter(wait);
    ++stats_.turns;
    now_ = system_.now();
    internal::completion what;
    while (ring_->next(what)) {
        dispatch(what);
        run_ready();  // at once, while what this completion touched is in the cache
    }
    timers_.expire(now_);
    mailbox_->deliver();
    run_heavy();
}

void loop::run_until(const bool& done)
{
    while (!done) {
        run_passes(done);
        if (!done)
            turn();
    }
    finish_background();
}

void loop::finish_background()
{
    const auto busy = [this] {
        return std::any_of(background_.begin(), background_.end(), [](internal::background& each) { return each.busy(); });
    };
    if (!busy())
        return;
    // A timer bounds the wait of each turn.
    class : public internal::timer_node {
    public:
        bool passed = false;

    private:
        void expire() noexcept override { passed = true; }
    } limit;
    timers_.set(limit, system_.now() + longest_linger);
    while (busy() && !limit.passed) {
        run_ready();
        turn();
    }
}

void loop::leave_kernel() noexcept
{
    // Who is still there has outlived this loop, and must not start anything because of what ends now.
    operations_.for_each_in_use([this](internal::operation_node& node) {
        node.forget_owner();
        cancel(node);
    });
    const auto deadline = system_.now() + longest_goodbye;
    while (operations_.in_use() > 0 && system_.now() < deadline) {
        drain_backlog();
        ring_->enter(std::chrono::milliseconds(10));
        internal::completion what;
        while (ring_->next(what))
            dispatch(what);
    }
    if (operations_.in_use() > 0)
        operations_.leak();  // better than memory that the kernel may still write to
}

}  // namespace coil
