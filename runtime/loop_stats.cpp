#include <coil/runtime/loop_stats.hpp>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace coil {
namespace {

constexpr std::array reasons{rearm_reason::ended,     rearm_reason::failed,        rearm_reason::exhausted,
                             rearm_reason::no_buffer, rearm_reason::back_pressure, rearm_reason::bulk};

constexpr std::string_view name_of(rearm_reason why) noexcept
{
    switch (why) {
    case rearm_reason::ended: return "after its end";
    case rearm_reason::failed: return "after a failure";
    case rearm_reason::exhausted: return "after a shortage";
    case rearm_reason::no_buffer: return "after a lack of buffers";
    case rearm_reason::back_pressure: return "after back-pressure";
    case rearm_reason::bulk: return "after bulk data";
    }
    return "";
}

/// Calls `visit(name, member)` for every number that adds up.
template <class F>
void for_each_number(F visit)
{
    visit("turns", &loop_stats::turns);
    visit("submissions", &loop_stats::submissions);
    visit("completions", &loop_stats::completions);
    visit("backlogged", &loop_stats::backlogged);
    visit("cancellations", &loop_stats::cancellations);
    visit("wake-ups", &loop_stats::wake_ups);
    visit("completion overflows", &loop_stats::completion_overflows);
    visit("lost completions", &loop_stats::lost_completions);
    visit("buffer shortages", &loop_stats::buffer_shortages);
    visit("receive buffers lent", &loop_stats::receive_buffers_lent);
    visit("accept pauses", &loop_stats::accept_pauses);
    visit("refused connections", &loop_stats::refused_connections);
    visit("operations", &loop_stats::operations);
    visit("timers", &loop_stats::timers);
}

void add(std::string& text, std::uint64_t count, std::string_view name)
{
    if (count == 0)
        return;
    text += text.empty() ? "" : ", ";
    text += std::to_string(count) + " ";
    text += name;
}

void add(std::string& text, const rearm_counts& counts, const std::string& name)
{
    for (const rearm_reason why : reasons) {
        if (counts[why] == 0)
            continue;
        text += text.empty() ? "" : ", ";
        text += name + " rearmed " + std::string(name_of(why)) + ": " + std::to_string(counts[why]);
    }
}

}  // namespace

std::uint64_t rearm_counts::total() const noexcept
{
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

rearm_counts& rearm_counts::operator+=(const rearm_counts& other) noexcept
{
    for (const rearm_reason why : reasons)
        (*this)[why] += other[why];
    return *this;
}

loop_stats& loop_stats::operator+=(const loop_stats& other) noexcept
{
    for_each_number([&](std::string_view, auto number) { this->*number += other.*number; });
    accept_rearms += other.accept_rearms;
    receive_rearms += other.receive_rearms;
    if (other.fewest_buffers_left)
        fewest_buffers_left =
            std::min(*other.fewest_buffers_left, fewest_buffers_left.value_or(*other.fewest_buffers_left));
    return *this;
}

std::string loop_stats::to_string() const
{
    std::string text;
    for_each_number([&](std::string_view name, auto number) { add(text, this->*number, name); });
    add(text, accept_rearms, "accepts");
    add(text, receive_rearms, "receives");
    if (!fewest_buffers_left)
        return text;
    text += text.empty() ? "" : ", ";
    return text + "never fewer than " + std::to_string(*fewest_buffers_left) + " receive buffers left";
}

}  // namespace coil
