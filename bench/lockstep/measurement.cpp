#include "bench/lockstep/measurement.hpp"

#include "bench/failure.hpp"
#include "bench/floor/floor.hpp"
#include "bench/scenario.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace bench::lockstep {
namespace {

constexpr std::chrono::milliseconds time_in_memory{40};

}  // namespace

std::span<const contestant> contestants() noexcept
{
    static constexpr std::array<contestant, 6> all = {{
        {"openssl", true, nullptr},
        {"tcp", true, take_turns_with_tcp},
        {"coil", false, take_turns_with_coil},
        {"coil-epoll", false, take_turns_with_coil_on_epoll},
        {"asio", false, take_turns_with_asio},
        {"bare", false, take_turns_with_bare},
    }};
    return all;
}

const contestant* find_contestant(std::string_view name) noexcept
{
    const std::span<const contestant> all = contestants();
    const auto found = std::ranges::find(all, name, &contestant::name);
    return found == all.end() ? nullptr : &*found;
}

round_result measure_round(const contestant& of, const workload& doing, unsigned cycles,
                           const std::string& certificate_file, const std::string& key_file)
{
    if (!of.take_turns)
        return {.nanoseconds = measure_floor(doing.scenario, time_in_memory, certificate_file, key_file)};
    const bool plain = of.take_turns == take_turns_with_tcp;
    const openssl_ptr<SSL_CTX> context = plain ? nullptr : make_client_context(doing.scenario, certificate_file);
    clients with(context.get(), doing, cycles);
    try {
        const protocol speaks = protocol_needed(doing.scenario.kind).value_or(protocol::echo);
        of.take_turns({.speaks = speaks, .certificate_file = certificate_file, .key_file = key_file}, with);
    } catch (const failure&) {
        throw;
    } catch (const std::exception& error) {
        throw failure(error.what());
    }
    return {.nanoseconds = with.per_operation(), .operations = with.operations(), .turns = with.turns()};
}

}  // namespace bench::lockstep
