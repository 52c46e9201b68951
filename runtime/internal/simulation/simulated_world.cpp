#include <coil/runtime/internal/simulation/simulated_world.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace coil::internal {
namespace {

/// Steele, Lea, Flood: SplitMix64.
std::uint64_t mix(std::uint64_t value) noexcept
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

std::uint64_t join(std::uint64_t hash, std::uint64_t value) noexcept
{
    return mix(hash ^ value) + 0x9e3779b97f4a7c15;
}

std::uint64_t join_bytes(std::uint64_t hash, std::span<const std::byte> bytes) noexcept
{
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data(), sizeof value);
        hash = join(hash, value);
        bytes = bytes.subspan(sizeof value);
    }
    std::uint64_t rest = bytes.size();
    for (const std::byte each : bytes)
        rest = rest << 8 | static_cast<std::uint64_t>(each);
    return join(hash, rest);
}

}  // namespace

simulated_world::simulated_world(simulation_options with) : options(std::move(with)), state_(mix(options.seed + 1)) {}

std::uint64_t simulated_world::draw() noexcept
{
    state_ += 0x9e3779b97f4a7c15;
    return mix(state_);
}

bool simulated_world::chance(double probability) noexcept
{
    if (probability <= 0)
        return false;
    return static_cast<double>(draw() >> 11) * 0x1.0p-53 < probability;
}

simulated_world::duration simulated_world::delay() noexcept
{
    const auto longest = static_cast<std::uint64_t>(options.longest_delay.count());
    if (longest == 0)
        return duration(0);
    const std::uint64_t kind = below(8);
    const std::uint64_t most = kind == 0 ? longest : kind < 3 ? longest / 16 : longest / 256;
    return duration(static_cast<duration::rep>(below(most + 1)));
}

void simulated_world::schedule(duration wait, action what)
{
    agenda_.push_back({now_ + wait, draw(), std::move(what)});
    std::push_heap(agenda_.begin(), agenda_.end(), later);
}

std::optional<simulated_world::time_point> simulated_world::next() const noexcept
{
    if (agenda_.empty())
        return std::nullopt;
    return agenda_.front().when;
}

void simulated_world::run_next()
{
    std::pop_heap(agenda_.begin(), agenda_.end(), later);
    const event due = std::move(agenda_.back());
    agenda_.pop_back();
    now_ = std::max(now_, due.when);
    due.what();
}

void simulated_world::note(std::string_view what, std::initializer_list<std::int64_t> numbers)
{
    ++counts.events;
    hash_ = join_bytes(join(hash_, static_cast<std::uint64_t>(elapsed().count())), std::as_bytes(std::span(what)));
    for (const std::int64_t number : numbers)
        hash_ = join(hash_, static_cast<std::uint64_t>(number));
    if (!options.on_event)
        return;
    std::string line = std::to_string(elapsed().count() / 1000) + " us: " + std::string(what);
    for (const std::int64_t number : numbers)
        line += ' ' + std::to_string(number);
    options.on_event(line);
}

void simulated_world::note_bytes(std::span<const std::byte> bytes) noexcept
{
    hash_ = join_bytes(hash_, bytes);
}

void simulated_world::stop_program(const std::string& message) const noexcept
{
    std::fprintf(stderr, "coil: simulation with seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
                 message.c_str());
    std::abort();
}

std::uint64_t fingerprint(std::span<const std::byte> bytes) noexcept
{
    constexpr std::size_t part = 256;
    if (bytes.size() <= 2 * part)
        return join_bytes(0, bytes);
    return join_bytes(join_bytes(bytes.size(), bytes.first(part)), bytes.last(part));
}

}  // namespace coil::internal
