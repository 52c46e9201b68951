#include <coil/runtime/internal/ring/watched_descriptors.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <cerrno>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coil::internal {
namespace {

constexpr std::uint32_t everything = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

epoll_event event_of(int fd, std::uint32_t generation) noexcept
{
    epoll_event made{};
    made.events = everything;
    made.data.u64 = std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
    return made;
}

}  // namespace

watched_descriptors::watched_descriptors() : epoll_(above_standard_numbers(::epoll_create1(EPOLL_CLOEXEC)))
{
    if (epoll_ < 0)
        throw std::system_error(errno, std::system_category(), "no descriptor left for an epoll instance (ulimit -n)");
}

watched_descriptors::~watched_descriptors()
{
    ::close(epoll_);
}

watched_descriptor& watched_descriptors::at(int fd)
{
    const auto number = static_cast<std::size_t>(fd);
    if (number / block_size >= blocks_.size())
        blocks_.resize(number / block_size + 1);
    auto& block = blocks_[number / block_size];
    if (!block)
        block = std::make_unique<std::array<watched_descriptor, block_size>>();
    return (*block)[number % block_size];
}

watched_descriptor* watched_descriptors::find(int fd) noexcept
{
    const auto number = static_cast<std::size_t>(fd);
    if (fd < 0 || number / block_size >= blocks_.size() || !blocks_[number / block_size])
        return nullptr;
    return &(*blocks_[number / block_size])[number % block_size];
}

watched_descriptor* watched_descriptors::of_event(const epoll_event& event) noexcept
{
    watched_descriptor* const found = find(static_cast<int>(static_cast<std::uint32_t>(event.data.u64)));
    return found && found->generation == event.data.u64 >> 32 ? found : nullptr;
}

int watched_descriptors::register_anew(int fd, watched_descriptor& of) noexcept
{
    ++of.generation;
    of.troubled = false;
    of.kind = watched_descriptor::unknown;
    epoll_event wanted = event_of(fd, of.generation);
    int outcome = ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted);
    if (outcome != 0 && errno == EEXIST)
        outcome = ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &wanted);
    of.registered = outcome == 0;
    return outcome == 0 ? 0 : errno;
}

int watched_descriptors::watch(int fd, bool verified) noexcept
{
    watched_descriptor& of = at(fd);
    if (!of.registered)
        return register_anew(fd, of);
    if (verified)
        return 0;
    // Somebody may have closed it without a word, and what has the number now is not registered. Where it is the same, this
    // makes an event of what is there already.
    epoll_event wanted = event_of(fd, of.generation);
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &wanted) == 0)
        return 0;
    return errno == ENOENT ? register_anew(fd, of) : errno;
}

void watched_descriptors::forget(int fd) noexcept
{
    watched_descriptor* const of = find(fd);
    if (!of)
        return;
    if (of->registered)
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);  // a duplicate would keep it alive
    ++of->generation;
    of->registered = of->dry = of->troubled = false;
    of->kind = watched_descriptor::unknown;
}

bool watched_descriptors::drains_when_short(int fd) noexcept
{
    watched_descriptor& of = at(fd);
    if (of.kind == watched_descriptor::unknown) {
        // Others than TCP also end a read where a message, or what came with it, ends.
        int protocol = 0;
        socklen_t size = sizeof protocol;
        const bool is_tcp = ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
        of.kind = is_tcp ? watched_descriptor::tcp : watched_descriptor::other;
    }
    return of.kind == watched_descriptor::tcp && !of.troubled;
}

}  // namespace coil::internal
