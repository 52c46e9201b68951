#include <coil/runtime/timer.hpp>

#include <coil/runtime/loop.hpp>

namespace coil::internal {

std::chrono::steady_clock::time_point time_from_now(std::chrono::nanoseconds duration) noexcept
{
    const auto now = loop::current().system().now();
    const bool reachable = duration < std::chrono::steady_clock::time_point::max() - now;
    return reachable ? now + duration : std::chrono::steady_clock::time_point::max();
}

bool sleep_wait::start()
{
    loop::current().timers().set(*this, until_);
    return true;
}

void sleep_wait::stopped() noexcept
{
    loop::current().timers().clear(*this);
    end(errc::canceled);
}

deadline::deadline(std::chrono::steady_clock::time_point when, stop_token outer)
{
    loop::current().timers().set(*this, when);
    source_.follow(outer);
}

void deadline::expire() noexcept
{
    if (source_.stop_requested())
        return;
    passed_ = true;
    source_.request_stop();
}

}  // namespace coil::internal
