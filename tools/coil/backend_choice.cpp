#include "tools/coil/backend_choice.hpp"

#include <coil/runtime/loop.hpp>

#include "tools/coil/terminal.hpp"
#include "tools/coil/usage_error.hpp"

#include <exception>

namespace coil::command {

namespace options = boost::program_options;

void add_backend_option(options::options_description& group, std::string& name)
{
    group.add_options()("backend", options::value(&name)->value_name("NAME")->default_value(name),
                        "what carries out the requests: io_uring, epoll, or automatic, which takes epoll where "
                        "io_uring is refused");
}

backend parse_backend(const std::string& name)
{
    for (const backend each : {backend::automatic, backend::io_uring, backend::epoll})
        if (name == to_string(each))
            return each;
    throw usage_error("--backend: \"" + printable(name) + "\" is none of automatic, io_uring and epoll");
}

std::string describe_backend()
{
    try {
        const loop made;
        const auto& found = made.capabilities();
        std::string text = to_string(found.backend);
        if (found.backend == backend::io_uring)
            text += found.restricted ? ", restricted to what coil uses" : ", not restricted";
        return found.reason.empty() ? text : text + " (" + printable(found.reason) + ")";
    } catch (const std::exception& refused) {
        return "none (" + printable(refused.what()) + ")";
    }
}

std::string unusual_backend()
{
    const backend here = loop::current().capabilities().backend;
    return here == backend::io_uring ? "" : std::string(" on ") + to_string(here);
}

}  // namespace coil::command
