#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coil::test {

/// Runs a few small threads in every order in which their steps on shared memory can follow one another.
///
/// There are no real threads. A thread is a function that touches what it shares only through `step`. To let it make one
/// step more it is run from its beginning: the steps that it has made give what they gave, one new step is made, and all
/// further ones only say that the thread is `paused`, whereupon it has to return. States that were reached before are not
/// gone into again, so all orders are covered. Steps are sequentially consistent.
class interleavings {
public:
    /// A place in the shared memory.
    using place = std::size_t;
    using memory = std::array<std::uintptr_t, 16>;

    struct outcome {
        std::size_t states = 0;
        std::size_t ends = 0;      ///< Ways in which all threads came to their end.
        std::string failure;       ///< Of the first that was found; empty for none.
    };

    explicit interleavings(std::vector<std::function<void()>> threads) : threads_(std::move(threads)) { running_ = this; }
    interleavings(const interleavings&) = delete;
    interleavings& operator=(const interleavings&) = delete;
    ~interleavings() { running_ = nullptr; }

    /// Called for each way in which all threads ended. @return what is wrong; empty for nothing.
    std::function<std::string(const memory&)> check = [](const memory&) { return std::string(); };

    outcome explore()
    {
        explore_from(state{{}, std::vector<history>(threads_.size())});
        return std::move(outcome_);
    }

    /// The thread's: makes one step, `act(memory)`, when `possible(memory)`. @return what `act` gives.
    static std::uintptr_t step(const std::function<std::uintptr_t(memory&)>& act,
                               const std::function<bool(const memory&)>& possible = nullptr)
    {
        return running_->make_step(act, possible);
    }
    /// The thread's: whether it has to return, and its last step was none.
    static bool paused() { return running_->paused_; }
    /// What steps give once the thread is paused.
    static inline std::uintptr_t when_paused = 0;

private:
    using history = std::vector<std::uintptr_t>;
    struct state {
        memory shared;
        std::vector<history> made;
        auto operator<=>(const state&) const = default;
    };
    enum class advance { stepped, blocked, ended };

    std::uintptr_t make_step(const std::function<std::uintptr_t(memory&)>& act,
                             const std::function<bool(const memory&)>& possible)
    {
        if (paused_)
            return when_paused;
        history& made = now_->made[thread_];
        if (position_ < made.size())
            return made[position_++];
        if (stepped_ || (possible && !possible(now_->shared))) {
            paused_ = true;
            return when_paused;
        }
        stepped_ = true;
        made.push_back(act(now_->shared));
        return made[position_++];
    }

    advance run(state& from, std::size_t thread)
    {
        now_ = &from;
        thread_ = thread;
        position_ = 0;
        stepped_ = paused_ = false;
        threads_[thread]();
        if (stepped_)
            return advance::stepped;
        return paused_ ? advance::blocked : advance::ended;
    }

    void explore_from(const state& from)
    {
        if (!outcome_.failure.empty() || !seen_.insert(from).second)
            return;
        ++outcome_.states;
        bool stuck = true;
        bool all_ended = true;
        for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
            state next = from;
            const advance how = run(next, thread);
            all_ended = all_ended && how == advance::ended;
            if (how == advance::stepped) {
                stuck = false;
                explore_from(next);
            }
        }
        if (all_ended) {
            ++outcome_.ends;
            if (outcome_.failure.empty())
                outcome_.failure = check(from.shared);
        } else if (stuck && outcome_.failure.empty()) {
            outcome_.failure = "a thread waits for ever";
        }
    }

    static inline interleavings* running_ = nullptr;

    std::vector<std::function<void()>> threads_;
    std::set<state> seen_;
    outcome outcome_;
    state* now_ = nullptr;
    std::size_t thread_ = 0;
    std::size_t position_ = 0;
    bool stepped_ = false;
    bool paused_ = false;
};

/// In place of a `T*` in shared memory that one thread at a time uses.
template <class T>
class explored_pointer {
public:
    explicit explored_pointer(interleavings::place where) : where_(where) {}

    operator T*() const
    {
        return reinterpret_cast<T*>(
            interleavings::step([this](interleavings::memory& shared) { return shared[where_]; }));
    }
    explored_pointer& operator=(T* value)
    {
        interleavings::step(
            [&](interleavings::memory& shared) { return shared[where_] = reinterpret_cast<std::uintptr_t>(value); });
        return *this;
    }

private:
    interleavings::place where_;
};

/// Operations of an atomic word that can be made of two steps, to see whether a test finds the difference.
enum class torn { nothing, exchange, strong_compare, weak_compare };

/// In place of `std::atomic<T*>`.
template <class T, torn Torn, interleavings::place Where>
class explored_word {
public:
    explicit explored_word(T*) {}

    T* load(std::memory_order) const
    {
        return reinterpret_cast<T*>(interleavings::step([](interleavings::memory& shared) { return shared[Where]; }));
    }

    T* exchange(T* wanted, std::memory_order order)
    {
        if constexpr (Torn == torn::exchange) {
            T* const before = load(order);
            store(wanted);
            return before;
        } else {
            return reinterpret_cast<T*>(interleavings::step([&](interleavings::memory& shared) {
                return std::exchange(shared[Where], reinterpret_cast<std::uintptr_t>(wanted));
            }));
        }
    }

    bool compare_exchange_strong(T*& expected, T* wanted, std::memory_order order, std::memory_order)
    {
        return compare_exchange<Torn == torn::strong_compare>(expected, wanted, order);
    }
    bool compare_exchange_weak(T*& expected, T* wanted, std::memory_order order, std::memory_order)
    {
        return compare_exchange<Torn == torn::weak_compare>(expected, wanted, order);
    }

private:
    void store(T* wanted)
    {
        interleavings::step(
            [&](interleavings::memory& shared) { return shared[Where] = reinterpret_cast<std::uintptr_t>(wanted); });
    }

    template <bool InTwoSteps>
    bool compare_exchange(T*& expected, T* wanted, std::memory_order order)
    {
        T* found = nullptr;
        if constexpr (InTwoSteps) {
            found = load(order);
            if (found == expected)
                store(wanted);
        } else {
            found = reinterpret_cast<T*>(interleavings::step([&](interleavings::memory& shared) {
                const std::uintptr_t before = shared[Where];
                if (before == reinterpret_cast<std::uintptr_t>(expected))
                    shared[Where] = reinterpret_cast<std::uintptr_t>(wanted);
                return before;
            }));
        }
        const bool done = found == expected;
        expected = found;
        return done;
    }
};

}  // namespace coil::test
