#include <coil/runtime/internal/ring/watched_descriptors.hpp>

#include <cerrno>
#include <utility>

namespace coil::internal {
namespace {

constexpr std::uint32_t everything = EPOLLIN | EPOLLOUT;

std::uint64_t tag_of(int fd, std::uint32_t generation) noexcept
{
    return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
}

}  // namespace

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
    if (!std::exchange(of.fresh, false))
        of.kind = watched_descriptor::unknown;
    const int outcome = system_.watch(fd, everything, tag_of(fd, of.generation));
    of.registered = outcome == 0;
    return outcome;
}

int watched_descriptors::watch(int fd, bool verified)
{
    watched_descriptor& of = at(fd);
    if (!of.registered)
        return register_anew(fd, of);
    if (verified)
        return 0;
    // Somebody may have closed it without a word, and what has the number now is not registered. Where it is the same, this
    // makes an event of what is there already.
    const int outcome = system_.watch_again(fd, everything, tag_of(fd, of.generation));
    return outcome == -ENOENT ? register_anew(fd, of) : outcome;
}

void watched_descriptors::adopt(int fd, int listening)
{
    const bool tcp = is_tcp(listening);
    forget(fd);
    watched_descriptor& of = at(fd);
    of.kind = tcp ? watched_descriptor::tcp : watched_descriptor::other;
    of.fresh = true;
}

bool watched_descriptors::is_dry(int fd) noexcept
{
    const watched_descriptor* const of = find(fd);
    return of && (of->fresh || (of->registered && of->dry));
}

void watched_descriptors::forget(int fd) noexcept
{
    watched_descriptor* const of = find(fd);
    if (!of)
        return;
    ++of->generation;
    of->registered = of->fresh = of->dry = of->troubled = false;
    of->kind = watched_descriptor::unknown;
}

bool watched_descriptors::is_tcp(int fd)
{
    watched_descriptor& of = at(fd);
    if (of.kind == watched_descriptor::unknown)
        of.kind = system_.is_tcp(fd) ? watched_descriptor::tcp : watched_descriptor::other;
    return of.kind == watched_descriptor::tcp;
}

bool watched_descriptors::drains_when_short(int fd)
{
    return is_tcp(fd) && !at(fd).troubled;
}

}  // namespace coil::internal
