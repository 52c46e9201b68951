#include <coil/runtime/internal/ring/ring.hpp>

#include <coil/runtime/internal/ring/epoll_ring.hpp>
#include <coil/runtime/internal/ring/refusal.hpp>
#include <coil/runtime/internal/ring/uring.hpp>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace coil::internal {
namespace {

void check(const ring_options& options)
{
    const unsigned count = options.receive_buffers;
    if (count > 32768 || (count & (count - 1)) != 0)
        throw std::invalid_argument("receive_buffers is not a power of two up to 32768: " + std::to_string(count));
    const unsigned size = options.receive_buffer_size;
    if (count > 0 && (size == 0 || size > 65535))
        throw std::invalid_argument("receive_buffer_size is not between 1 and 65535: " + std::to_string(size));
}

backend backend_of_environment()
{
    const char* text = std::getenv("COIL_BACKEND");
    if (!text || !*text)
        return backend::automatic;
    for (const backend each : {backend::automatic, backend::io_uring, backend::epoll})
        if (std::string_view(text) == to_string(each))
            return each;
    throw std::system_error(EINVAL, std::system_category(),
                            "COIL_BACKEND names an unknown backend \"" + std::string(text) +
                                "\"; there are automatic, io_uring and epoll");
}

std::unique_ptr<ring> make_epoll_ring_because(ring_options options, std::string reason)
{
    options.reason = std::move(reason);
    return make_epoll_ring(options);
}

}  // namespace

std::unique_ptr<ring> make_ring(const ring_options& options)
{
    check(options);
    if (options.backend == backend::epoll)
        return make_epoll_ring_because(options, "the program's choice");
    if (options.backend == backend::io_uring)
        return make_uring(options);
    const backend wanted = backend_of_environment();
    if (wanted == backend::epoll)
        return make_epoll_ring_because(options, "COIL_BACKEND");
    if (wanted == backend::io_uring)
        return make_uring(options);
    try {
        return make_uring(options);
    } catch (const std::system_error& refused) {
        if (!refuses_io_uring(refused.code().value()))
            throw;
        return make_epoll_ring_because(options, explain_refusal(refused.code().value()));
    }
}

}  // namespace coil::internal
