#include <coil/runtime/internal/ring/descriptors.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>
#include <coil/runtime/internal/ring/system.hpp>

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coil::internal {
namespace {

int outcome(int returned) noexcept
{
    return returned < 0 ? -errno : returned;
}

class kernel_bell final : public bell {
public:
    kernel_bell() : descriptor_(open_bell(true))
    {
        if (descriptor_ < 0)
            throw std::system_error(errno, std::system_category(), "eventfd");
    }
    ~kernel_bell() override { ::close(descriptor_); }

    int descriptor() const noexcept override { return descriptor_; }
    void ring() noexcept override { ring_bell(descriptor_); }

private:
    int descriptor_;
};

class calling_system final : public system {
public:
    time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
    bool has_threads() const noexcept override { return true; }

    int socket(int family) noexcept override
    {
        return outcome(above_standard_numbers(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    }
    int bind(int fd, const sockaddr* where, socklen_t size) noexcept override
    {
        return outcome(::bind(fd, where, size));
    }
    int listen(int fd, int backlog) noexcept override { return outcome(::listen(fd, backlog)); }
    int accept_now(int fd) noexcept override
    {
        pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, 0) != 1)
            return -EAGAIN;
        return outcome(above_standard_numbers(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)));
    }
    int local_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept override
    {
        return outcome(::getsockname(fd, reinterpret_cast<sockaddr*>(&found), &size));
    }
    int remote_address(int fd, sockaddr_storage& found, socklen_t& size) noexcept override
    {
        return outcome(::getpeername(fd, reinterpret_cast<sockaddr*>(&found), &size));
    }
    int set_option(int fd, int level, int name, const void* value, socklen_t size) noexcept override
    {
        return outcome(::setsockopt(fd, level, name, value, size));
    }
    int get_option(int fd, int level, int name, void* value, socklen_t& size) noexcept override
    {
        return outcome(::getsockopt(fd, level, name, value, &size));
    }
    void close(int fd) noexcept override { ::close(fd); }
    void stop_listening(int fd) noexcept override { ::shutdown(fd, SHUT_RDWR); }
    path_identity identify_path(const char* path) noexcept override
    {
        struct stat found{};
        if (::lstat(path, &found) != 0)
            return {};
        return {.device = found.st_dev, .number = found.st_ino};
    }
    int remove_path(const char* path) noexcept override { return outcome(::unlink(path)); }
    std::unique_ptr<bell> make_bell() override { return std::make_unique<kernel_bell>(); }
    int open_spare() noexcept override
    {
        return outcome(above_standard_numbers(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    }
};

}  // namespace

system& kernel_system() noexcept
{
    static calling_system calls;
    return calls;
}

}  // namespace coil::internal
