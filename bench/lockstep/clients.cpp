#include "bench/lockstep/clients.hpp"

#include "bench/failure.hpp"

#include <algorithm>
#include <string>

namespace bench::lockstep {
namespace {

using clock = std::chrono::steady_clock;

// Both, so that a machine that stands still for a while is not taken for a server that does.
constexpr std::chrono::seconds longest_wait{30};
constexpr std::uint64_t most_turns_in_vain = 10'000;

/// The processor's time does not count what other programs take in between, but asking for it is a system call, which is
/// too much for turns of a few microseconds. With the wall's time what others take is among the slowest turns, which are
/// left out.
clockid_t clock_for(const workload& doing)
{
    const bool exchanges = doing.scenario.kind == scenario_kind::echo || doing.scenario.kind == scenario_kind::http;
    return exchanges && doing.together == 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
}

/// Cycles before those that are timed. The first one connects. A server whose connections come and go has used all of its
/// memory only after many of them, and fresh memory costs a page fault each time.
unsigned warm_up(const workload& doing) noexcept
{
    return 1 + std::max(1U, doing.reconnects() ? doing.cycles : doing.cycles / 10);
}

}  // namespace

clients::clients(SSL_CTX* context, const workload& doing, unsigned cycles)
    : context_(context),
      doing_(&doing),
      warm_up_(warm_up(doing)),
      cycles_(cycles),
      last_progress_(clock::now()),
      watch_(clock_for(doing))
{
}

void clients::connect_to(std::uint16_t port)
{
    all_.reserve(doing_->scenario.connections);
    for (unsigned i = 0; i < doing_->scenario.connections; ++i)
        all_.emplace_back(context_, *doing_, port);
    begin_wave();
}

bool clients::turn()
{
    watch_.stop();
    ++turns_;
    const bool go_on = advance();
    watch_.start();
    return go_on;
}

bool clients::advance()
{
    for (;;) {
        const std::size_t before = busy_.size();
        std::erase_if(busy_, [](client* one) { return one->step(); });
        if (busy_.size() != before) {
            last_progress_ = clock::now();
            turns_in_vain_ = 0;
        }
        if (!busy_.empty()) {
            if (++turns_in_vain_ > most_turns_in_vain && clock::now() - last_progress_ > longest_wait)
                throw failure(std::to_string(busy_.size()) + " of " + std::to_string(wave_end_ - wave_begin_) +
                              " connections wait in vain for the server");
            return true;
        }
        end_wave();
        if (!begin_wave()) {
            all_.clear();
            return false;
        }
    }
}

void clients::end_wave()
{
    const double done =
        doing_->operations() * static_cast<double>(wave_end_ - wave_begin_) / doing_->scenario.connections;
    watch_.end_turn(done);
    operations_ += done;
    if (wave_end_ < all_.size())
        return;
    if (++cycle_ == warm_up_) {
        watch_.forget();
        operations_ = 0;
        turns_ = 0;
    }
    wave_end_ = 0;
}

/// @return whether there is one more.
bool clients::begin_wave()
{
    if (cycle_ == warm_up_ + cycles_)
        return false;
    wave_begin_ = wave_end_;
    wave_end_ = std::min<std::size_t>(all_.size(), wave_begin_ + doing_->together);
    for (std::size_t i = wave_begin_; i < wave_end_; ++i) {
        all_[i].begin();
        busy_.push_back(&all_[i]);
    }
    return true;
}

}  // namespace bench::lockstep
