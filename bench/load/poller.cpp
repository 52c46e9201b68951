#include "bench/load/poller.hpp"

#include "bench/failure.hpp"

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

void poller::run(std::chrono::steady_clock::time_point deadline, const std::function<bool()>& done)
{
    std::array<epoll_event, 256> events;
    while (!done()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return;
        const int count = epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(left.count()));
        if (count < 0 && errno != EINTR)
            throw system_failure("epoll_wait");
        for (int i = 0; i < count; ++i)
            static_cast<session*>(events[static_cast<std::size_t>(i)].data.ptr)->ready();
    }
}

}  // namespace bench
