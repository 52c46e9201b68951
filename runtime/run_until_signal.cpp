#include <coil/runtime/run_until_signal.hpp>

#include <coil/runtime/timer.hpp>

namespace coil::internal {

task<> drain_on_signal(std::optional<signal_set>& signals, std::chrono::nanoseconds grace, stop_source& stop)
{
    const result<int> came = co_await signals->wait();
    if (!came)
        co_return;
    signals.reset();  // the next one has its usual effect
    const bool something_drains = loop::current().begin_drain();
    if (something_drains) {
        const result<> passed = co_await sleep_for(grace);
        if (!passed)
            co_return;  // main has ended
    }
    stop.request_stop();
}

}  // namespace coil::internal
