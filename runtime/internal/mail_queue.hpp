#pragma once

#include <atomic>

namespace coil::internal {

/// Where any thread puts mail for one reader, and how the reader goes to sleep without missing any.
///
/// One word holds everything: the newest piece of mail, or that there is none and the reader is awake, or that there is
/// none and the reader sleeps, or that the queue is closed. The reader falls asleep and a sender finds out that it sleeps by
/// an atomic exchange of that same word. So no mail can slip in between the reader's last look and its sleep, no fence is
/// needed, and exactly one sender for each sleep is told to wake the reader. A test goes through all interleavings.
///
/// @tparam Mail   has a member `Mail* next`.
/// @tparam Word   `std::atomic<Mail*>`, or what a test puts in its place.
template <class Mail, class Word = std::atomic<Mail*>>
class mail_queue {
public:
    enum class put_result {
        closed,  ///< The mail is still the sender's.
        done,
        wake_reader,  ///< The sender has to wake the reader.
    };

    put_result put(Mail& mail) noexcept
    {
        Mail* newest = word_.load(std::memory_order_relaxed);
        do {
            if (newest == closed())
                return put_result::closed;
            mail.next = newest == asleep() ? nullptr : newest;
        } while (!word_.compare_exchange_weak(newest, &mail, std::memory_order_acq_rel, std::memory_order_relaxed));
        return newest == asleep() ? put_result::wake_reader : put_result::done;
    }

    /// The reader's: @return false if there is mail, which has to be taken first.
    bool fall_asleep() noexcept
    {
        Mail* none = nullptr;
        return word_.compare_exchange_strong(none, asleep(), std::memory_order_acq_rel, std::memory_order_relaxed);
    }

    /// The reader's: is awake from here on and takes all mail. @return the oldest, which leads to the others; null for none.
    Mail* take() noexcept
    {
        if (!word_.load(std::memory_order_relaxed))
            return nullptr;
        return oldest_of(word_.exchange(nullptr, std::memory_order_acq_rel));
    }

    /// The reader's: lets no more mail in. @return as `take`.
    Mail* close() noexcept { return oldest_of(word_.exchange(closed(), std::memory_order_acq_rel)); }

private:
    static Mail* asleep() noexcept { return reinterpret_cast<Mail*>(&marks[0]); }
    static Mail* closed() noexcept { return reinterpret_cast<Mail*>(&marks[alignof(Mail)]); }

    static Mail* oldest_of(Mail* newest) noexcept
    {
        if (newest == asleep() || newest == closed())
            return nullptr;
        Mail* oldest = nullptr;
        while (newest) {
            Mail* const before = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = before;
        }
        return oldest;
    }

    // Addresses that are no mail's.
    alignas(Mail) static inline char marks[2 * alignof(Mail)] = {};

    Word word_{nullptr};
};

}  // namespace coil::internal
