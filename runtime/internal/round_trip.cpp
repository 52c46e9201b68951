#include <coil/runtime/internal/round_trip.hpp>

#include <coil/runtime/loop.hpp>

namespace coil::internal {

namespace {

const std::shared_ptr<mailbox>& mailbox_here() noexcept
{
    loop* const here = loop::current_or_null();
    if (!here)
        stop_program("a call on another thread is awaited on a thread without a loop; call_on(…, coil::use_future) "
                     "gives a future");
    return here->mailbox();
}

}  // namespace

round_trip::round_trip() noexcept : home_(mailbox_here()) {}

void round_trip::go_home() noexcept
{
    homeward_ = true;
    const std::shared_ptr<mailbox> home = std::move(home_);  // this object may be gone as soon as it is sent
    if (!home->send(*this))
        release();
}

void round_trip::deliver() noexcept
{
    if (!homeward_) {
        make();
        return;
    }
    if (waiting_)
        std::exchange(waiting_, nullptr)->arrived();
    release();
}

void round_trip::drop() noexcept
{
    if (homeward_)
        release();
    else
        fail(errc::destroyed);
}

round_trip_wait::~round_trip_wait()
{
    if (trip_.waiting_ == this) {
        trip_.waiting_ = nullptr;
        if (!revoke())
            trip_.stop_call();
    }
    trip_.release();
}

bool round_trip_wait::revoke() noexcept
{
    round_trip::phase expected = round_trip::phase::out;
    return trip_.phase_.compare_exchange_strong(expected, round_trip::phase::revoked, std::memory_order_acq_rel);
}

void round_trip_wait::stopped() noexcept
{
    if (!revoke() && !ends_at_once_) {
        trip_.stop_call();
        return;
    }
    trip_.waiting_ = nullptr;
    failure_ = errc::canceled;
    resume_later();
}

}  // namespace coil::internal
