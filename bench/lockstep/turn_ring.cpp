#include "bench/lockstep/turn_ring.hpp"

#include <algorithm>
#include <utility>

#include <sys/socket.h>

namespace bench::lockstep {

using coil::internal::completion;
using coil::internal::opcode;
using coil::internal::request;

void turn_ring::enter(std::optional<std::chrono::nanoseconds> wait)
{
    if (!turn_) {
        kernel_->enter(wait);
        return;
    }
    const bool sleeps = wait != std::chrono::nanoseconds(0);
    if (std::exchange(has_requests_, false) || !sleeps)
        kernel_->enter(std::chrono::nanoseconds(0));
    if (take_news() || !sleeps)
        return;
    std::function<bool()> turn = std::exchange(turn_, nullptr);
    if (turn())
        turn_ = std::move(turn);
    kernel_->enter(std::chrono::nanoseconds(0));
}

bool turn_ring::submit(const request& wanted) noexcept
{
    const bool taken = kernel_->submit(wanted);
    has_requests_ |= taken;
    if (taken && wanted.quiet)
        quiet_.push_back(wanted.user_data);
    return taken;
}

/// Takes all completions. @return whether the kernel would have ended a wait.
bool turn_ring::take_news()
{
    bool news = false;
    for (completion what; kernel_->next(what);) {
        news |= ends_wait(what);
        taken_.push_back(what);
    }
    return news;
}

bool turn_ring::ends_wait(const completion& what) noexcept
{
    return std::erase(quiet_, what.user_data) == 0 || what.result < 0;
}

bool turn_ring::next(completion& taken) noexcept
{
    if (passed_on_ < taken_.size()) {
        taken = taken_[passed_on_++];
        return true;
    }
    taken_.clear();
    passed_on_ = 0;
    if (!kernel_->next(taken))
        return false;
    ends_wait(taken);
    return true;
}

}  // namespace bench::lockstep
