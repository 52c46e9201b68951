#include "bench/listener.hpp"
#include "bench/lockstep/turns.hpp"
#include "bench/rivals/asio_listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

namespace bench::lockstep {

void take_turns_with_asio(const turn_settings& settings, clients& with)
{
    namespace asio = boost::asio;
    asio::ssl::context context = make_asio_context(settings.certificate_file, settings.key_file);
    asio::io_context loop(1);
    const int listener = listen_on(0);
    asio::co_spawn(loop, accept_with_asio(loop, listener, context, settings.speaks), asio::detached);
    with.connect_to(port_of_listener(listener));
    while (with.turn())
        loop.poll();
}

}  // namespace bench::lockstep
