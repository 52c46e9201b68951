#include "bench/load/poller.hpp"

#include "bench/failure.hpp"

#include <algorithm>
#include <array>

#include <sys/epoll.h>
#include <unistd.h>

namespace bench {

poller::poller() : epoll_(epoll_create1(EPOLL_CLOEXEC))
{
    if (epoll_ < 0)
        throw system_failure("cannot make an epoll instance");
}

poller::~poller()
{
    close(epoll_);
}

void poller::control(int operation, int descriptor, session& owner, bool output)
{
    epoll_event wanted = {};
    wanted.events = EPOLLIN | EPOLLRDHUP | (output ? EPOLLOUT : 0u);
    wanted.data.ptr = &owner;
    if (epoll_ctl(epoll_, operation, descriptor, &wanted) != 0)
        throw system_failure("epoll_ctl");
}

void poller::add(int descriptor, session& owner, bool output)
{
    control(EPOLL_CTL_ADD, descriptor, owner, output);
}

void poller::change(int descriptor, session& owner, bool output)
{
    control(EPOLL_CTL_MOD, descriptor, owner, output);
}

void poller::remove(int descriptor)
{
    if (epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr) != 0)
        throw system_failure("epoll_ctl");
}

void poller::run(const std::function<std::optional<std::chrono::steady_clock::time_point>()>& turn)
{
    std::array<epoll_event, 256> events;
    while (const auto until = turn()) {
        const auto left = std::max(*until - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        const timespec limit = {seconds.count(), (left - seconds).count()};
        const int count = epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
        if (count < 0 && errno != EINTR)
            throw system_failure("epoll_pwait2");
        for (int i = 0; i < count; ++i)
            static_cast<session*>(events[static_cast<std::size_t>(i)].data.ptr)->ready();
    }
}

}  // namespace bench
