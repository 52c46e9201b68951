#include <coil/net/internal/listener.hpp>

#include <coil/net/server.hpp>
#include <coil/runtime/loop.hpp>

#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coil::net::internal {
namespace {

constexpr std::chrono::milliseconds pause_time{100};

int open_reserve() noexcept
{
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

result<std::unique_ptr<listener>> listener::open(const address& where, const listen_options& options, accepted call)
{
    const int descriptor = ::socket(where.system_address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return error_from_errno(errno);
    const int on = 1;
    const int v6_only = options.ipv6_only;
    if (where.family() != address_family::unix_path)
        ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.family() == address_family::ipv6)
        ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (options.reuse_port)
        ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (::bind(descriptor, where.system_address(), where.system_size()) != 0 ||
        ::listen(descriptor, options.backlog) != 0) {
        const std::error_code error = error_from_errno(errno);
        ::close(descriptor);
        return error;
    }
    return std::make_unique<listener>(descriptor, std::move(call), where.path());
}

listener::listener(int descriptor, accepted call, std::string path)
    : descriptor_(descriptor), reserve_(open_reserve()), call_(std::move(call)), path_(std::move(path))
{
    arm();
}

listener::~listener()
{
    accepting_.abandon();
    ::close(descriptor_);
    if (reserve_ >= 0)
        ::close(reserve_);
    if (!path_.empty())
        ::unlink(path_.c_str());
}

std::optional<address> listener::local_address() const
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return std::nullopt;
    return address::from_system(storage, size);
}

void listener::arm()
{
    accepting_.start({.code = coil::internal::opcode::accept, .fd = descriptor_}, *this);
}

void listener::complete(const coil::internal::completion& what, coil::internal::operation_memory*) noexcept
{
    if (what.result >= 0)
        call_(what.result);
    const bool exhausted = what.result == -EMFILE || what.result == -ENFILE;
    if (exhausted)
        refuse_one();
    if (what.more)
        return;
    // Failures of a single connection (ECONNABORTED, EPERM, …) are no reason to stop; a shortage needs time to pass.
    if (exhausted || what.result == -ENOMEM || what.result == -ENOBUFS)
        pause();
    else if (what.result != -ECANCELED && what.result != -EBADF && what.result != -EINVAL)
        arm();
}

void listener::refuse_one() noexcept
{
    if (reserve_ < 0)
        return;
    ::close(reserve_);
    const int flags = ::fcntl(descriptor_, F_GETFL);
    ::fcntl(descriptor_, F_SETFL, flags | O_NONBLOCK);
    const int refused = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    ::fcntl(descriptor_, F_SETFL, flags);
    if (refused >= 0)
        ::close(refused);
    reserve_ = open_reserve();
}

void listener::pause() noexcept
{
    loop::current().timers().set(*this, std::chrono::steady_clock::now() + pause_time);
}

}  // namespace coil::net::internal
