#include <coil/net/internal/listener.hpp>

#include <coil/net/server.hpp>
#include <coil/runtime/internal/standard_numbers.hpp>
#include <coil/runtime/loop.hpp>

#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coil::net::internal {
namespace {

constexpr std::chrono::milliseconds pause_time{100};

int open_reserve() noexcept
{
    return coil::internal::above_standard_numbers(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

result<std::unique_ptr<listener>> listener::open(const address& where, const listen_options& options, bool no_delay,
                                                 accepted call)
{
    coil::internal::ring& ring = loop::current().ring();
    const int made = ring.socket(where.system_address()->sa_family);
    if (made < 0)
        return error_from_errno(-made);
    descriptor listening(made);
    const int on = 1;
    const int v6_only = options.ipv6_only;
    if (where.family() != address_family::unix_path)
        ring.set_option(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.family() == address_family::ipv6)
        ring.set_option(made, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (no_delay && where.family() != address_family::unix_path)  // accepted sockets inherit it
        ring.set_option(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options.reuse_port)
        ring.set_option(made, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    int outcome = ring.bind(made, where.system_address(), where.system_size());
    if (outcome >= 0)
        outcome = ring.listen(made, options.backlog);
    if (outcome < 0)
        return error_from_errno(-outcome);
    return std::make_unique<listener>(std::move(listening), std::move(call), where.path());
}

listener::listener(descriptor listening, accepted call, std::string path)
    : socket_(std::move(listening)), reserve_(open_reserve()), call_(std::move(call)), path_(std::move(path))
{
    accepting_.start(accept_request(), *this);
}

listener::~listener()
{
    accepting_.abandon();
    if (loop* home = loop::current_or_null())
        home->ring().stop_listening(socket_.get());
    if (reserve_ >= 0)
        ::close(reserve_);
    if (path_.empty())
        return;
    if (loop* home = loop::current_or_null())
        home->ring().remove_path(path_.c_str());
    else
        ::unlink(path_.c_str());  // outlived its loop
}

std::optional<address> listener::local_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (loop::current().ring().local_address(socket_.get(), storage, size) < 0)
        return std::nullopt;
    return address::from_system(storage, size);
}

coil::internal::request listener::accept_request() const noexcept
{
    return {.code = coil::internal::opcode::accept, .fd = socket_.get()};
}

void listener::rearm(rearm_reason why)
{
    accepting_.restart(accept_request(), *this, why);
}

void listener::complete(const coil::internal::completion& what, coil::internal::operation_memory*) noexcept
{
    if (what.result >= 0)
        if (descriptor connected(coil::internal::above_standard_numbers(what.result)); connected.get() >= 0)
            call_(std::move(connected));
    const bool exhausted = what.result == -EMFILE || what.result == -ENFILE;
    if (exhausted)
        refuse_one();
    if (what.more)
        return;
    // Failures of a single connection (ECONNABORTED, EPERM, …) are no reason to stop; a shortage needs time to pass.
    if (exhausted || what.result == -ENOMEM || what.result == -ENOBUFS)
        pause();
    else if (what.result != -ECANCELED && what.result != -EBADF && what.result != -EINVAL)
        rearm(what.result >= 0 ? rearm_reason::ended : rearm_reason::failed);
}

void listener::refuse_one() noexcept
{
    if (reserve_ < 0)
        return;
    ::close(reserve_);
    loop& home = loop::current();
    descriptor refused(home.ring().accept_now(socket_.get()));
    home.counts().refused_connections += refused.get() >= 0;
    refused.close();
    reserve_ = open_reserve();
}

void listener::expire() noexcept
{
    if (reserve_ < 0)
        reserve_ = open_reserve();  // somebody was faster the last time
    rearm(rearm_reason::exhausted);
}

void listener::pause() noexcept
{
    loop& home = loop::current();
    ++home.counts().accept_pauses;
    home.timers().set(*this, home.ring().now() + pause_time);
}

}  // namespace coil::net::internal
