#include "bench/lockstep/turn_ring.hpp"

#include <utility>

namespace bench::lockstep {

void turn_ring::enter(std::optional<std::chrono::nanoseconds> wait)
{
    if (!turn_) {
        kernel_->enter(wait);
        return;
    }
    if (std::exchange(has_requests_, false))
        kernel_->enter(std::chrono::nanoseconds(0));
    std::function<bool()> turn = std::exchange(turn_, nullptr);
    if (turn())
        turn_ = std::move(turn);
    kernel_->enter(std::chrono::nanoseconds(0));
}

bool turn_ring::submit(const coil::internal::request& wanted) noexcept
{
    const bool taken = kernel_->submit(wanted);
    has_requests_ |= taken;
    return taken;
}

}  // namespace bench::lockstep
