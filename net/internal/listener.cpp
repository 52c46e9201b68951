#include <coil/net/internal/listener.hpp>

#include <coil/net/server.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>
#include <coil/runtime/loop.hpp>

#include <cerrno>
#include <chrono>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace coil::net::internal {
namespace {

constexpr std::chrono::milliseconds pause_time{100};

descriptor open_reserve() noexcept
{
    const int opened = loop::current().system().open_spare();
    return descriptor(opened < 0 ? -1 : opened);
}

}  // namespace

result<std::unique_ptr<listener>> listener::open(const address& where, const listen_options& options, bool no_delay,
                                                 accepted call, failed give_up)
{
    coil::internal::system& system = loop::current().system();
    const int made = system.socket(where.system_address()->sa_family);
    if (made < 0)
        return error_from_errno(-made);
    descriptor listening(made);
    const int on = 1;
    const int v6_only = options.ipv6_only;
    if (where.family() != address_family::unix_path)
        system.set_option(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.family() == address_family::ipv6)
        system.set_option(made, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (no_delay && where.family() != address_family::unix_path)  // accepted sockets inherit it
        system.set_option(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options.reuse_port)
        system.set_option(made, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    int outcome = system.bind(made, where.system_address(), where.system_size());
    if (outcome >= 0)
        outcome = system.listen(made, options.backlog);
    if (outcome < 0)
        return error_from_errno(-outcome);
    return std::make_unique<listener>(std::move(listening), std::move(call), std::move(give_up), where.path());
}

listener::listener(descriptor listening, accepted call, failed give_up, std::string path)
    : socket_(std::move(listening)), reserve_(open_reserve()), call_(std::move(call)), give_up_(std::move(give_up)),
      path_(std::move(path))
{
    if (!path_.empty())
        path_names_ = loop::current().system().identify_path(path_.c_str());
    accepting_.start(accept_request(), *this);
}

listener::~listener()
{
    accepting_.abandon();
    if (loop* home = loop::current_or_null(); home && socket_.get() >= 0)
        home->system().stop_listening(socket_.get());
    remove_path();
}

/// A successor may have put its own socket there. What this one names keeps its number as long as its socket is open.
void listener::remove_path() noexcept
{
    if (path_.empty() || path_names_ == coil::internal::path_identity())
        return;
    loop* home = loop::current_or_null();  // null: it has outlived its loop
    coil::internal::system& calls = home ? home->system() : coil::internal::kernel_system();
    if (calls.identify_path(path_.c_str()) == path_names_)
        calls.remove_path(path_.c_str());
}

std::optional<address> listener::local_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (loop::current().system().local_address(socket_.get(), storage, size) < 0)
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
    // Failures of a single connection (ECONNABORTED, EPERM, …) are no reason to stop, nor is a cancellation, which nobody here
    // asks for: some kernels end an accept so when their queue is full. A shortage needs time to pass.
    if (exhausted || what.result == -ENOMEM || what.result == -ENOBUFS)
        pause();
    else if (what.result == -EBADF || what.result == -EINVAL || what.result == -ENOTSOCK || what.result == -EOPNOTSUPP)
        give_up(-what.result);
    else
        rearm(what.result >= 0 ? rearm_reason::ended : rearm_reason::failed);
}

void listener::give_up(int cause) noexcept
{
    if (cause == EBADF)
        socket_.take();  // closed by somebody else: the number may be another's by now
    give_up_(error_from_errno(cause));
}

void listener::refuse_one() noexcept
{
    if (reserve_.get() < 0)
        return;
    reserve_.close();
    loop& home = loop::current();
    descriptor refused(home.system().accept_now(socket_.get()));
    home.counts().refused_connections += refused.get() >= 0;
    refused.reset();
    reserve_ = open_reserve();
}

void listener::expire() noexcept
{
    if (reserve_.get() < 0)
        reserve_ = open_reserve();  // somebody was faster the last time
    rearm(rearm_reason::exhausted);
}

void listener::pause() noexcept
{
    loop& home = loop::current();
    ++home.counts().accept_pauses;
    home.timers().set(*this, home.system().now() + pause_time);
}

}  // namespace coil::net::internal
