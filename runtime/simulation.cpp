#include <coil/runtime/simulation.hpp>

#include <coil/runtime/internal/ring/epoll_ring.hpp>
#include <coil/runtime/internal/simulation/simulated_epoll.hpp>
#include <coil/runtime/internal/simulation/simulated_network.hpp>
#include <coil/runtime/internal/simulation/simulated_ring.hpp>
#include <coil/runtime/internal/simulation/simulated_system.hpp>
#include <coil/runtime/internal/simulation/simulated_world.hpp>

#include <array>
#include <bit>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace coil {
namespace {

void check(const simulation_options& options)
{
    if (options.receive_buffers != 0 &&
        (!std::has_single_bit(options.receive_buffers) || options.receive_buffers > 32768))
        throw std::invalid_argument("simulation: receive_buffers is not a power of two up to 32768");
    if (options.completion_entries == 0 || options.submission_entries == 0 || options.receive_buffer_size == 0 ||
        options.receive_buffer_size > 65535 || options.socket_buffer == 0)
        throw std::invalid_argument("simulation: queues and buffers need room for something");
    for (const double chance : {options.early_end, options.full_queue, options.interruption, options.no_buffer})
        if (chance >= 1)
            throw std::invalid_argument("simulation: with a chance of 1 nothing would ever get on");
}

}  // namespace

simulation_options any_weather(std::uint64_t seed)
{
    simulation_options dice_only;
    dice_only.seed = ~seed;
    internal::simulated_world dice(dice_only);
    const auto one_of = [&dice](auto... values) {
        const std::array<std::common_type_t<decltype(values)...>, sizeof...(values)> all{values...};
        return all[dice.below(all.size())];
    };
    simulation_options weather;
    weather.seed = seed;
    weather.accept_failure = one_of(0.0, 0.0, 0.05, 0.3);
    weather.completion_entries = one_of(1U, 2U, 8U, 64U, 4096U, 4096U);
    weather.connect_failure = one_of(0.0, 0.0, 0.05, 0.3);
    weather.early_end = one_of(0.0, 0.05, 0.5);
    weather.full_queue = one_of(0.0, 0.02, 0.3);
    weather.interruption = one_of(0.0, 0.02, 0.3);
    weather.longest_delay = std::chrono::microseconds(one_of(0, 10, 2000, 2000, 300'000));
    weather.multishot = !dice.chance(0.15);
    weather.no_buffer = one_of(0.0, 0.02, 0.3);
    weather.receive_buffers = one_of(0U, 1U, 2U, 4U, 16U, 256U, 256U);
    weather.receive_buffer_size = one_of(64U, 512U, 4096U, 4096U);
    weather.reset = one_of(0.0, 0.0, 0.0, 0.01, 0.1);
    weather.short_read = one_of(0.0, 0.2, 0.9);
    weather.short_write = one_of(0.0, 0.1, 0.8);
    weather.socket_buffer =
        one_of(std::size_t{512}, std::size_t{4096}, std::size_t{64 * 1024}, std::size_t{1024 * 1024});
    weather.split = one_of(0.0, 0.2, 0.8);
    weather.submission_entries = one_of(1U, 4U, 256U, 256U);
    weather.quiet_sends = !dice.chance(0.15);
    return weather;
}

simulation::simulation(simulation_options options)
{
    check(options);
    world_ = std::make_unique<internal::simulated_world>(std::move(options));
    network_ = std::make_unique<internal::simulated_network>(*world_);
    system_ = std::make_unique<internal::simulated_system>(*world_, *network_);
}

simulation::~simulation() = default;

std::unique_ptr<internal::ring> simulation::make_ring()
{
    if (world_->options.backend == backend::epoll)
        return make_ring_on_epoll();
    return std::make_unique<internal::simulated_ring>(*world_, *network_);
}

std::unique_ptr<internal::ring> simulation::make_ring_on_epoll()
{
    const simulation_options& options = world_->options;
    std::set<std::string, std::less<>> without;
    if (!options.multishot)
        without.insert({"multishot_accept", "multishot_receive"});
    if (!options.quiet_sends)
        without.insert("quiet_sends");
    return internal::make_epoll_ring({.backend = backend::epoll,
                                      .reason = "a simulation",
                                      .submission_entries = options.submission_entries,
                                      .completion_entries = options.completion_entries,
                                      .receive_buffers = options.receive_buffers,
                                      .receive_buffer_size = options.receive_buffer_size},
                                     internal::unwanted_capabilities(std::move(without)),
                                     std::make_unique<internal::simulated_epoll>(*world_, *network_),
                                     network_->make_bell());
}

internal::system& simulation::system() noexcept
{
    return *system_;
}

std::uint64_t simulation::trace_hash() const noexcept
{
    return world_->trace_hash();
}

std::size_t simulation::open_descriptors() const noexcept
{
    return world_->open_descriptors;
}

void simulation::write_report() noexcept
{
    const loop_stats stats = report_.loop;
    report_ = world_->counts;
    report_.loop = stats;
    report_.elapsed = world_->elapsed();
    report_.open_descriptors = world_->open_descriptors;
}

}  // namespace coil
