#include <coil/runtime/offload.hpp>

#include <coil/runtime/internal/ring/worker_pool.hpp>
#include <coil/runtime/loop.hpp>

#include <stdexcept>
#include <system_error>

namespace coil {
namespace internal {

std::error_code make_on_worker(round_trip& call)
{
    if (loop::current().system().has_threads())
        return worker_pool::instance().run(call);
    call.make();
    return {};
}

}  // namespace internal

void set_offload_threads(unsigned most)
{
    if (most == 0)
        throw std::invalid_argument("coil::set_offload_threads: at least one thread is needed");
    internal::worker_pool::instance().set_most_threads(most);
}

}  // namespace coil
