#include <coil/runtime/internal/ring/nonblocking_system.hpp>

#include <coil/runtime/internal/ring/event_wait.hpp>
#include <coil/runtime/internal/ring/nonblocking_calls.hpp>
#include <coil/runtime/internal/ring/private_descriptions.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace coil::internal {
namespace {

int outcome(int returned) noexcept
{
    return returned < 0 ? -errno : returned;
}

epoll_event event_of(std::uint32_t events, std::uint64_t tag) noexcept
{
    epoll_event made{};
    made.events = events | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    made.data.u64 = tag;
    return made;
}

class kernel_nonblocking_system final : public nonblocking_system {
public:
    kernel_nonblocking_system() : epoll_(above_standard_numbers(::epoll_create1(EPOLL_CLOEXEC)))
    {
        if (epoll_ < 0)
            throw std::system_error(errno, std::system_category(),
                                    "no descriptor left for an epoll instance (ulimit -n)");
    }
    ~kernel_nonblocking_system() override { ::close(epoll_); }

    std::chrono::steady_clock::time_point now() const noexcept override { return std::chrono::steady_clock::now(); }

    int watch(int fd, std::uint32_t events, std::uint64_t tag) noexcept override
    {
        epoll_event wanted = event_of(events, tag);
        const int added = outcome(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted));
        return added == -EEXIST ? outcome(::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &wanted)) : added;
    }
    int watch_again(int fd, std::uint32_t events, std::uint64_t tag) noexcept override
    {
        epoll_event wanted = event_of(events, tag);
        return outcome(::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &wanted));
    }
    int wait(std::span<epoll_event> events, std::optional<std::chrono::nanoseconds> wait) override
    {
        return wait_for_events(epoll_, events, wait);
    }
    bool has_events() const noexcept override
    {
        pollfd asked{.fd = epoll_, .events = POLLIN, .revents = 0};
        return ::poll(&asked, 1, 0) > 0;
    }

    int receive(int fd, void* memory, std::size_t size) noexcept override { return receive_now(fd, memory, size); }
    int send(int fd, const void* bytes, std::size_t size, int flags) noexcept override
    {
        return send_now(fd, bytes, size, flags);
    }
    int send_message(int fd, const msghdr& message, int flags) noexcept override
    {
        return send_message_now(fd, message, flags);
    }
    int accept(int fd) noexcept override { return accept_one_now(fd); }
    int connect(int fd, const sockaddr* where, socklen_t size) noexcept override
    {
        return connect_now(fd, where, size);
    }
    int poll(int fd, std::uint32_t events) noexcept override { return poll_now(fd, events); }
    int shut_down(int fd, int how) noexcept override { return outcome(::shutdown(fd, how)); }
    int close(int fd) noexcept override { return outcome(::close(fd)); }

    int transfer(const request& wanted, descriptor_kind kind) noexcept override { return transfer_now(wanted, kind); }
    int transfer_plainly(const request& wanted, int fd) noexcept override { return transfer_plainly_now(wanted, fd); }
    int private_description(int fd) override { return private_.of(fd); }
    void forget_private_description(int fd) noexcept override { private_.forget(fd); }

    int kind_of(int fd) noexcept override { return kind_of_descriptor(fd); }
    bool is_nonblocking(int fd) noexcept override { return never_waits(fd); }
    bool set_nonblocking(int fd, bool on) noexcept override { return set_never_waits(fd, on); }
    bool is_listening(int fd) noexcept override { return is_listening_socket(fd); }
    bool is_tcp(int fd) noexcept override { return is_tcp_socket(fd); }

    std::error_code run(job& call) override { return worker_pool::instance().run(call); }

private:
    int epoll_;
    private_descriptions private_;
};

}  // namespace

std::unique_ptr<nonblocking_system> make_kernel_nonblocking_system()
{
    return std::make_unique<kernel_nonblocking_system>();
}

}  // namespace coil::internal
