#include "bench/coil_listener.hpp"
#include "bench/lockstep/turn_loop.hpp"
#include "bench/lockstep/turns.hpp"

#include <coil/runtime/event.hpp>
#include <coil/tls/tls.hpp>

#include <cstdlib>
#include <optional>
#include <string>

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

/// The backend of the loops that are made while this exists.
class chosen_backend {
public:
    explicit chosen_backend(const char* name)
    {
        if (const char* const before = std::getenv(variable))
            before_ = before;
        ::setenv(variable, name, 1);
    }
    chosen_backend(const chosen_backend&) = delete;
    chosen_backend& operator=(const chosen_backend&) = delete;
    ~chosen_backend()
    {
        if (before_)
            ::setenv(variable, before_->c_str(), 1);
        else
            ::unsetenv(variable);
    }

private:
    static constexpr const char* variable = "COIL_BACKEND";
    std::optional<std::string> before_;
};

}  // namespace

void take_turns_with_coil(const turn_settings& settings, clients& with)
{
    turn_loop loop;
    loop.run(serve(settings, with, loop));
}

void take_turns_with_coil_on_epoll(const turn_settings& settings, clients& with)
{
    const chosen_backend epoll("epoll");
    take_turns_with_coil(settings, with);
}

}  // namespace bench::lockstep
