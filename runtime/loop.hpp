#pragma once

#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/bottom_coroutine.hpp>
#include <coil/runtime/internal/drain.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/ready.hpp>
#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/stretch.hpp>
#include <coil/runtime/internal/timers.hpp>
#include <coil/runtime/loop_stats.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coil {

namespace internal {
class bell_listener;
class mailbox;
}  // namespace internal

/// Something kept the thread of a loop for long, and so kept everything else on that loop waiting.
struct blocked_report {
    /// The coroutine, with file and line; empty in builds without assertions, and where what ran is no coroutine of coil's.
    std::string coroutine;
    std::chrono::nanoseconds time;
};

/// How a loop is set up.
struct loop_options {
    /// What carries out its requests. Where it is `io_uring` and the kernel refuses that, there is no loop.
    coil::backend backend = coil::backend::automatic;
    /// What takes longer than this between two awaits is reported, when it is over: see `loop::on_blocked`. 0: nothing is.
    std::chrono::nanoseconds blocked_threshold = std::chrono::milliseconds(internal::checks_misuse ? 100 : 0);
    /// Requests that can wait for the end of a turn; a power of two. More are kept in a backlog.
    unsigned submission_entries = 256;
    /// Completions that the kernel can post while the loop is busy; a power of two.
    unsigned completion_entries = 4096;
    /// Have the kernel refuse, on this loop's io_uring, every request and registration that coil does not use: whoever should
    /// get hold of the ring can do no more with it than coil. Where the kernel cannot, `capabilities()` says so.
    bool restricted = true;
    /// Buffers into which the kernel puts what arrives; a power of two, 0 for none. All connections share them, and a
    /// connection holds one only between the arrival of its bytes and their being read.
    unsigned receive_buffers = 256;
    /// Bytes of each, at most 65535. A TLS record with 4 KiB of data fits into one of the standard size.
    unsigned receive_buffer_size = 4160;
};

class loop;

/// What other threads hold to reach a loop. It may be copied, and outlives the loop harmlessly.
class loop_handle {
public:
    /// The handle of a loop that is there now.
    loop_handle(const loop& of) noexcept;

    /// Runs `call` on the loop's thread, in one of its next turns. From any thread.
    /// An exception that leaves it goes to the loop's `on_uncaught`.
    /// @return false if the loop is gone; one that goes before the call was made drops it.
    /// Throws: `std::invalid_argument` for an empty call.
    bool post(std::function<void()> call) const;

    /// For coil's own modules.
    const std::shared_ptr<internal::mailbox>& mailbox() const noexcept { return mailbox_; }

private:
    std::shared_ptr<internal::mailbox> mailbox_;
};

/// One thread's ring, on io_uring or on epoll, and the coroutines that wait for its completions.
///
/// A loop belongs to the thread that made it, and so does everything that waits on it; only `post` may be called from
/// elsewhere. One loop per thread.
/// ```
/// coil::loop loop;
/// loop.run(serve());
/// ```
class loop {
public:
    /// Throws: `std::system_error` that names cause and cure where there is no backend, or COIL_BACKEND names none;
    /// `std::invalid_argument` for receive buffers that no ring can have. Mistake: a second loop on the same thread stops the program.
    explicit loop(const loop_options& options = loop_options());
    /// A loop on a ring of the caller's, in place of the kernel's.
    /// @param calls  what goes with that; outlives the loop.
    explicit loop(std::unique_ptr<internal::ring> ring, internal::system& calls = internal::kernel_system());
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;
    /// Cancels what is still in flight and waits for the kernel to let go of it.
    ~loop();

    /// The loop of this thread. Mistake: calling it on a thread without one stops the program.
    static loop& current() noexcept;
    /// The same, or null.
    static loop* current_or_null() noexcept;

    /// Runs until `main` has ended and what was written to sockets given up meanwhile is sent, the latter for two seconds
    /// at most. Gives the value of `main` or throws its exception.
    /// Mistake: calling it in what the loop runs stops the program; `co_await` is for that.
    template <class T>
    T run(task<T> main);

    /// Asks the servers of this loop to accept no more and to let their connections finish. `run_until_signal` and `cluster`
    /// do it when a signal tells the program to end. A server that begins to listen until `run` has returned is asked at once.
    /// Idempotent.
    /// @return whether there was a server that listened or had connections.
    bool begin_drain() noexcept;
    /// Stopped by `begin_drain`. For handlers, which can so end connections that only wait for another request:
    /// `with_stop(loop::current().draining(), socket.read(buffer))`.
    stop_token draining() noexcept { return draining_->token(); }

    /// Runs `call` on the loop's thread, in one of its next turns. May be called from any thread while the loop exists;
    /// `handle()` is for threads that cannot know that.
    /// Throws: `std::invalid_argument` for an empty call.
    void post(std::function<void()> call);
    /// What other threads hold to reach this loop.
    loop_handle handle() const noexcept { return loop_handle(*this); }

    /// Sets who is told of exceptions that leave detached coroutines and posted calls, of those that leave the connection
    /// handlers of a server without an `on_uncaught` of its own, and of those of a scope that nobody has joined. Without it
    /// the first two stop the program, and of the others a line goes to stderr.
    /// @param handler  an exception that leaves it ends the program.
    /// Node: process 'uncaughtException'.
    void on_uncaught(std::function<void(std::exception_ptr)> handler) { on_uncaught_ = std::move(handler); }

    /// Sets who is told of what took longer than the threshold in the options. Without it a line goes to stderr.
    /// @param handler  called when that is over, between two coroutines; it must not wait or throw.
    void on_blocked(std::function<void(const blocked_report&)> handler) { on_blocked_ = std::move(handler); }

    /// The time at the beginning of this turn.
    std::chrono::steady_clock::time_point now() const noexcept { return now_; }

    loop_stats stats() const noexcept;
    /// Which backend carries out the requests of this loop and why, and what the kernel at hand offers; `to_string()` for people.
    const internal::capabilities& capabilities() const noexcept { return ring_->supported(); }

    /// For coil's own modules.
    /// @{

    /// Runs `item` in the next pass over the ready list.
    void enqueue(internal::ready_item& item) noexcept { ready_.push_back(item); }
    /// Runs `item`, which takes long, once nothing else waits for this thread, or once the rest has had as much time as the
    /// last such items. In the order of coming.
    void enqueue_heavy(internal::ready_item& item) noexcept { heavy_.push_back(item); }
    /// Tells `on_uncaught`, or stops the program. @param of  what the exception has left, for the message.
    void uncaught(std::exception_ptr exception, const char* of) noexcept;
    /// Tells `on_uncaught`, or says it in a line on stderr: for what has ended something of its own with it.
    void tell_uncaught(std::exception_ptr exception, const char* of) noexcept;
    /// From now on `begin_drain` asks `server` too, until that is destroyed or unlinked.
    void attend_drain(internal::drainable& server) noexcept { drainables_.push_back(server); }
    /// Runs `item` once, just before the requests of this turn go to the kernel.
    void before_submission(internal::ready_item& item) noexcept { before_submission_.push_back(item); }
    /// Owns `task` until it deletes itself.
    void keep(internal::background& task) noexcept { background_.push_back(task); }
    /// Tells `who` before the loop goes.
    void tell_of_end(internal::resident& who) noexcept { residents_.push_back(who); }
    internal::ring& ring() noexcept { return *ring_; }
    internal::system& system() noexcept { return system_; }
    /// Closes a descriptor that requests may have used. Without a loop on this thread, the system's.
    static void close(int descriptor) noexcept;
    internal::timers& timers() noexcept { return timers_; }
    /// Where coil counts what happens seldom.
    loop_stats& counts() noexcept { return stats_; }
    /// What other threads hold to reach this loop; it outlives the loop.
    const std::shared_ptr<internal::mailbox>& mailbox() const noexcept { return mailbox_; }
    /// @}

private:
    friend class internal::operation;

    /// While `run` runs.
    class run_mark {
    public:
        explicit run_mark(loop& of) noexcept;
        run_mark(const run_mark&) = delete;
        run_mark& operator=(const run_mark&) = delete;
        ~run_mark();

    private:
        loop& of_;
    };

    void submit(internal::operation_node& node) noexcept;
    void check_own(internal::operation_node& node) noexcept;
    void need_completion(internal::operation_node& node) noexcept;
    void cancel(internal::operation_node& node) noexcept;
    void cancel_now(internal::operation_node& node) noexcept;
    void dispatch(const internal::completion& what) noexcept;
    bool request(const internal::request& wanted) noexcept;
    void drain_backlog() noexcept;
    unsigned run_ready() noexcept;
    static void report_blocked(const internal::coroutine_origin* who, std::chrono::nanoseconds time) noexcept;
    void run_watched(internal::ready_item& item) noexcept;
    void run_passes(const bool& done) noexcept;
    void run_heavy() noexcept;
    void turn();
    std::optional<std::chrono::nanoseconds> time_to_wait() const noexcept;
    void run_until(const bool& done);
    void finish_background();
    void leave_kernel() noexcept;

    // The ring lives longest: the others give back what they hold of it.
    std::unique_ptr<internal::ring> ring_;
    internal::system& system_;
    internal::operation_pool operations_;
    internal::list<internal::operation_node> backlog_;         // found the submission queue full
    internal::list<internal::operation_node> cancel_backlog_;  // so did their cancellation
    std::size_t quiet_and_needed_ = 0;  // operations that may post nothing, while somebody waits for them
    internal::list<internal::ready_item> ready_;
    internal::list<internal::ready_item> before_submission_;
    internal::list<internal::ready_item> heavy_;
    std::chrono::steady_clock::time_point heavy_ended_;  // those that ran last
    std::chrono::nanoseconds heavy_took_{0};             // likewise
    internal::timers timers_;
    internal::list<internal::background> background_;
    internal::list<internal::resident> residents_;
    internal::list<internal::drainable> drainables_;
    std::optional<stop_source> draining_{std::in_place};
    bool running_ = false;
    std::chrono::steady_clock::time_point now_;
    std::shared_ptr<internal::mailbox> mailbox_;
    std::unique_ptr<internal::bell_listener> bell_listener_;
    loop_stats stats_;
    bool watched_ = false;  // for what takes too long
    std::function<void(std::exception_ptr)> on_uncaught_;
    std::function<void(const blocked_report&)> on_blocked_;
};

inline loop_handle::loop_handle(const loop& of) noexcept : mailbox_(of.mailbox()) {}

namespace internal {

/// The coroutine at the bottom: it awaits the main task and tells the loop when that has ended.
class root_coroutine {
public:
    struct promise_type final : bottom_promise<promise_type> {
        root_coroutine get_return_object() noexcept { return root_coroutine(frame()); }
        void left() noexcept { done = true; }
        void unhandled_exception() noexcept { exception = std::current_exception(); }

        bool done = false;
        std::exception_ptr exception;
    };

    void start()
    {
        this_thread_stretch.begin();
        frame_.get().resume();
        this_thread_stretch.end(nullptr);
    }
    const bool& done() const noexcept { return frame_.get().promise().done; }
    void rethrow() const
    {
        if (frame_.get().promise().exception)
            std::rethrow_exception(frame_.get().promise().exception);
    }

private:
    explicit root_coroutine(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    frame_owner<promise_type> frame_;
};

template <class T>
root_coroutine run_root(task<T>& main, std::optional<T>& value)
{
    value.emplace(co_await main);
}

inline root_coroutine run_root(task<void>& main)
{
    co_await main;
}

}  // namespace internal

template <class T>
T loop::run(task<T> main)
{
    const run_mark running(*this);
    if constexpr (std::is_void_v<T>) {
        internal::root_coroutine root = internal::run_root(main);
        root.start();
        run_until(root.done());
        root.rethrow();
    } else {
        std::optional<T> value;
        internal::root_coroutine root = internal::run_root(main, value);
        root.start();
        run_until(root.done());
        root.rethrow();
        return std::move(*value);
    }
}

}  // namespace coil
