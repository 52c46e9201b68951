#include "bench/coil_listener.hpp"
#include "bench/lockstep/turn_loop.hpp"
#include "bench/lockstep/turns.hpp"

#include <coil/runtime/event.hpp>
#include <coil/tls/tls.hpp>

namespace bench::lockstep {
namespace {

coil::task<> serve(const turn_settings& settings, clients& with, turn_loop& loop)
{
    const coil::tls::secure_context context = make_coil_context(settings.certificate_file, settings.key_file);
    const coil::tls::server server = listen_with_coil(settings.speaks, context, 0);
    with.connect_to(server.address()->port());
    coil::event over;
    loop.begin([&with, &over] {
        const bool go_on = with.turn();
        if (!go_on)
            over.set();
        return go_on;
    });
    const coil::result<> ended = co_await over.wait();
    ended.value();
}

}  // namespace

void take_turns_with_coil(const turn_settings& settings, clients& with)
{
    turn_loop loop;
    loop.run(serve(settings, with, loop));
}

}  // namespace bench::lockstep
