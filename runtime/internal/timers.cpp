#include <coil/runtime/internal/timers.hpp>

#include <algorithm>

namespace coil::internal {

constexpr std::size_t children = 4;

timer_node::~timer_node()
{
    if (home_)
        home_->clear(*this);
}

timers::~timers()
{
    while (!heap_.empty())
        clear(*heap_.back().timer);
}

void timers::set(timer_node& timer, time_point when)
{
    if (timer.set())
        clear(timer);
    heap_.push_back({});
    timer.home_ = this;
    rise(heap_.size() - 1, {when, &timer});
}

void timers::clear(timer_node& timer) noexcept
{
    if (!timer.set())
        return;
    const std::size_t position = timer.position_;
    timer.position_ = timer_node::unset;
    timer.home_ = nullptr;
    const entry last = heap_.back();
    heap_.pop_back();
    if (position == heap_.size())
        return;
    if (position > 0 && last.when < heap_[(position - 1) / children].when)
        rise(position, last);
    else
        sink(position, last);
}

std::optional<timers::time_point> timers::next() const noexcept
{
    if (heap_.empty())
        return std::nullopt;
    return heap_.front().when;
}

void timers::expire(time_point now) noexcept
{
    while (!heap_.empty() && heap_.front().when <= now) {
        timer_node& timer = *heap_.front().timer;
        clear(timer);
        timer.expire();
    }
}

void timers::place(std::size_t position, entry what) noexcept
{
    heap_[position] = what;
    what.timer->position_ = position;
}

void timers::rise(std::size_t position, entry what) noexcept
{
    while (position > 0) {
        const std::size_t parent = (position - 1) / children;
        if (heap_[parent].when <= what.when)
            break;
        place(position, heap_[parent]);
        position = parent;
    }
    place(position, what);
}

void timers::sink(std::size_t position, entry what) noexcept
{
    while (true) {
        const std::size_t first = position * children + 1;
        if (first >= heap_.size())
            break;
        const std::size_t end = std::min(first + children, heap_.size());
        std::size_t soonest = first;
        for (std::size_t child = first + 1; child < end; ++child)
            if (heap_[child].when < heap_[soonest].when)
                soonest = child;
        if (heap_[soonest].when >= what.when)
            break;
        place(position, heap_[soonest]);
        position = soonest;
    }
    place(position, what);
}

}  // namespace coil::internal
