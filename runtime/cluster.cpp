#include <coil/runtime/cluster.hpp>

#include <coil/runtime/call_on.hpp>
#include <coil/runtime/internal/ring/blocked_signals.hpp>
#include <coil/runtime/internal/ring/descriptors.hpp>
#include <coil/runtime/internal/ring/processors.hpp>
#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/scope.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace coil {
namespace {

/// A descriptor that is closed again.
class owned_descriptor {
public:
    owned_descriptor(int descriptor, const char* what) : descriptor_(descriptor)
    {
        if (descriptor_ < 0)
            throw std::system_error(errno, std::system_category(), what);
    }
    owned_descriptor(const owned_descriptor&) = delete;
    owned_descriptor& operator=(const owned_descriptor&) = delete;
    ~owned_descriptor() { internal::kernel_system().close(descriptor_); }

    int get() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

/// Blocks signals in this thread and those it starts, and gives those that come.
class awaited_signals {
public:
    explicit awaited_signals(const std::vector<int>& numbers)
        : blocked_(numbers),
          descriptor_(internal::open_signals(blocked_.set(), false), "signalfd")
    {
    }

    int descriptor() const noexcept { return descriptor_.get(); }
    bool take() noexcept { return internal::take_signal(descriptor_.get()) != 0; }
    /// In this thread only.
    void unblock() noexcept { blocked_.unblock(); }

private:
    internal::blocked_signals blocked_;
    owned_descriptor descriptor_;
};

/// When the workers of a cluster that shuts down are stopped.
class shutdown_deadline {
public:
    using clock = std::chrono::steady_clock;

    void set(std::chrono::nanoseconds grace) noexcept
    {
        const auto now = clock::now();
        when_ = grace < clock::time_point::max() - now ? now + grace : clock::time_point::max();
    }
    bool is_set() const noexcept { return when_.has_value(); }
    /// Whether it has passed; once.
    bool passes() noexcept
    {
        if (over_ || !when_ || clock::now() < *when_)
            return false;
        over_ = true;
        return true;
    }
    /// None for ever.
    std::optional<std::chrono::nanoseconds> time_to_wait() const noexcept
    {
        if (over_ || !when_)
            return std::nullopt;
        const auto now = clock::now();
        return *when_ > now ? *when_ - now : std::chrono::nanoseconds(0);
    }

private:
    std::optional<clock::time_point> when_;
    bool over_ = false;
};

}  // namespace

namespace internal {

class cluster_state : public std::enable_shared_from_this<cluster_state> {
public:
    explicit cluster_state(cluster_options options)
        : options_(std::move(options)),
          news_(internal::open_bell(false), "eventfd")
    {
        if (options_.workers == 0)
            options_.workers = internal::usable_processors();
        stats_.resize(options_.workers);
    }

    unsigned count() const noexcept { return options_.workers; }
    const std::vector<loop_stats>& stats() const noexcept { return stats_; }

    void run(std::function<task<>(worker)> main)
    {
        if (!main)
            throw std::invalid_argument("coil::cluster: the main of the workers is empty");
        begin(std::move(main));
        {
            awaited_signals signals(options_.stop_signals);
            std::vector<std::jthread> threads;
            try {
                for (unsigned index = 0; index < count(); ++index)
                    threads.emplace_back([this, index] { work(index); });
            } catch (...) {
                fail(std::current_exception());
                for (std::size_t missing = threads.size(); missing < count(); ++missing)
                    leave();
            }
            wait_for_end(signals);
        }
        const std::lock_guard lock(mutex_);
        main_ = nullptr;
        stop_requested_ = shutdown_requested_ = false;
        if (failure_)
            std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    void request_stop() noexcept
    {
        const std::lock_guard lock(mutex_);
        stop_requested_ = true;
        for (member& each : members_)
            if (each.home)
                each.home->post([&each] {
                    if (each.running)
                        each.running->request_stop();
                });
    }

    void request_shutdown() noexcept
    {
        const std::lock_guard lock(mutex_);
        shutdown_requested_ = true;
        tell_news();
    }

    loop_handle home_of(unsigned index)
    {
        const std::lock_guard lock(mutex_);
        return members_.at(index).home.value();
    }
    /// What a worker that has ended left.
    loop_stats last_stats_of(unsigned index)
    {
        const std::lock_guard lock(mutex_);
        return stats_.at(index);
    }

private:
    /// One of the workers.
    struct member {
        std::optional<loop_handle> home;
        scope* running = nullptr;  // of its own thread
    };

    void begin(std::function<task<>(worker)> main)
    {
        const std::lock_guard lock(mutex_);
        main_ = std::move(main);
        members_ = std::vector<member>(count());
        std::fill(stats_.begin(), stats_.end(), loop_stats());
        starting_ = ended_ = 0;
    }

    void work(unsigned index) noexcept
    {
        try {
            loop here(options_.loop);
            {
                const std::lock_guard lock(mutex_);
                members_[index].home = here.handle();
            }
            if (wait_until_all_have_started()) {
                here.run(run_main(index));
                const std::lock_guard lock(mutex_);
                stats_[index] = here.stats();
            }
        } catch (...) {
            fail(std::current_exception());
            arrive();
        }
        leave();
    }

    task<> run_main(unsigned index)
    {
        scope running;
        members_[index].running = &running;
        if (end_was_requested())
            running.request_stop();
        try {
            running.spawn(main_(worker(shared_from_this(), index)));
            co_await running.join();
        } catch (...) {
            fail(std::current_exception());
        }
        members_[index].running = nullptr;
    }

    void arrive()
    {
        const std::lock_guard lock(mutex_);
        ++starting_;
        started_.notify_all();
    }

    /// So that each worker can reach all others from its beginning. @return false if one of them could not start.
    bool wait_until_all_have_started()
    {
        arrive();
        std::unique_lock lock(mutex_);
        started_.wait(lock, [this] { return starting_ >= count() || failure_; });
        return !failure_;
    }

    bool end_was_requested()
    {
        const std::lock_guard lock(mutex_);
        return stop_requested_ || shutdown_requested_;
    }

    void fail(std::exception_ptr why) noexcept
    {
        {
            const std::lock_guard lock(mutex_);
            if (!failure_)
                failure_ = std::move(why);
            started_.notify_all();
        }
        request_stop();
    }

    void leave() noexcept
    {
        const std::lock_guard lock(mutex_);
        if (++ended_ == count())
            tell_news();
    }

    /// To the thread that waits for the end.
    void tell_news() const noexcept { internal::ring_bell(news_.get()); }

    /// Asks each loop to drain. One that has nothing to drain is stopped.
    void begin_drain()
    {
        const std::lock_guard lock(mutex_);
        for (member& each : members_)
            if (each.home)
                each.home->post([&each] {
                    if (each.running && !loop::current().begin_drain())
                        each.running->request_stop();
                });
    }

    void wait_for_end(awaited_signals& signals)
    {
        std::array sources{news_.get(), signals.descriptor()};
        shutdown_deadline deadline;
        while (true) {
            const auto [is_news, is_signal] = internal::wait_until_readable(sources, deadline.time_to_wait());
            if (is_signal && signals.take()) {
                signals.unblock();  // the next one has its usual effect
                sources[1] = -1;
                request_shutdown();
            }
            if (is_news)
                internal::count_of_bell(news_.get());
            if (all_have_ended())
                return;
            if (!deadline.is_set() && shutdown_was_requested()) {
                deadline.set(options_.grace);
                begin_drain();
            }
            if (deadline.passes())
                request_stop();
        }
    }

    bool all_have_ended()
    {
        const std::lock_guard lock(mutex_);
        return ended_ == count();
    }

    bool shutdown_was_requested()
    {
        const std::lock_guard lock(mutex_);
        return shutdown_requested_;
    }

    cluster_options options_;
    owned_descriptor news_;  // rings when all have ended and when they are to
    std::mutex mutex_;
    std::condition_variable started_;
    std::function<task<>(worker)> main_;
    std::vector<member> members_;
    std::vector<loop_stats> stats_;
    std::exception_ptr failure_;
    unsigned starting_ = 0;
    unsigned ended_ = 0;
    bool stop_requested_ = false;
    bool shutdown_requested_ = false;
};

/// A coroutine that owns what it needs: the worker that asks may be a temporary.
task<loop_stats> sum_of_stats(std::shared_ptr<cluster_state> all)
{
    loop_stats sum;
    for (unsigned index = 0; index < all->count(); ++index) {
        const auto asking = [] { return loop::current().stats(); };
        const loop_handle where = all->home_of(index);
        const result<loop_stats> of_one = co_await call_on(where, asking);
        sum += of_one ? *of_one : all->last_stats_of(index);
    }
    co_return sum;
}

}  // namespace internal

unsigned worker::count() const noexcept
{
    return of_->count();
}

loop_handle worker::loop(unsigned index) const
{
    return of_->home_of(index);
}

task<loop_stats> worker::stats() const
{
    return internal::sum_of_stats(of_);
}

void worker::request_shutdown() const noexcept
{
    of_->request_shutdown();
}

void worker::request_stop() const noexcept
{
    of_->request_stop();
}

cluster::cluster(cluster_options options) : state_(std::make_shared<internal::cluster_state>(std::move(options))) {}

cluster::~cluster() = default;

void cluster::run(std::function<task<>(worker)> main)
{
    state_->run(std::move(main));
}

void cluster::request_shutdown() noexcept
{
    state_->request_shutdown();
}

void cluster::request_stop() noexcept
{
    state_->request_stop();
}

unsigned cluster::workers() const noexcept
{
    return state_->count();
}

loop_stats cluster::stats() const noexcept
{
    loop_stats sum;
    for (const loop_stats& each : state_->stats())
        sum += each;
    return sum;
}

const std::vector<loop_stats>& cluster::worker_stats() const noexcept
{
    return state_->stats();
}

}  // namespace coil
