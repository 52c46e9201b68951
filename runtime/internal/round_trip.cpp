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

round_trip::round_trip() noexcept : reply(mailbox_here()) {}

void round_trip::deliver() noexcept
{
    if (is_sent_home())
        reply::deliver();
    else
        make();
}

void round_trip::drop() noexcept
{
    if (is_sent_home())
        reply::drop();
    else
        fail(errc::destroyed);
}

round_trip_wait::~round_trip_wait()
{
    if (trip_.wait()) {
        trip_.set_wait(nullptr);
        if (!revoke())
            trip_.stop_call();
    }
    trip_.release();
}

void round_trip_wait::stopped() noexcept
{
    if (!revoke() && !ends_at_once_) {
        trip_.stop_call();
        return;
    }
    trip_.set_wait(nullptr);
    end(errc::canceled);
}

}  // namespace coil::internal
