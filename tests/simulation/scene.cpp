#include "tests/simulation/scene.hpp"

#include "tests/support/credentials.hpp"
#include "tests/support/deterministic_openssl.hpp"

#include <coil/runtime/error.hpp>
#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace coil::test {
namespace {

/// A loop that does nothing waits for calls from other threads.
constexpr std::size_t operations_of_an_idle_loop = 1;
/// Long enough for everything that goes on in the background to be given up.
constexpr std::chrono::seconds time_to_settle{120};

struct identities {
    identities()
    {
        make_openssl_deterministic(1);
        root = std::make_unique<authority>("simulated root");
        server = root->issue({});
    }

    std::unique_ptr<authority> root;
    identity server;
};

/// Keys that are made once: what they hold depends on nothing else.
const identities& fixed_identities()
{
    static const identities made;
    return made;
}

simulation_options weather_of(std::uint64_t seed, backend on)
{
    simulation_options options = any_weather(seed);
    options.backend = on;
    return options;
}

simulation_options with_observer(simulation_options options, std::function<void(std::string_view)> on_event)
{
    options.on_event = std::move(on_event);
    return options;
}

void expect(std::string& wrong, std::string_view what, std::size_t found, std::size_t wanted)
{
    if (found != wanted)
        wrong += " " + std::string(what) + "=" + std::to_string(found) + " instead of " + std::to_string(wanted);
}

}  // namespace

scene::scene(std::uint64_t seed, backend on, std::function<void(std::string_view)> on_event)
    : weather(weather_of(seed, on)),
      world(with_observer(weather, std::move(on_event))),
      state_(seed * 0x2545f4914f6cdd1d + 1)
{
    const identities& known = fixed_identities();
    make_openssl_deterministic(seed);
    tls::secure_context_options of_server;
    of_server.cert = known.server.cert;
    of_server.key = known.server.key;
    if (chance(30))
        of_server.max_version = tls::protocol_version::tlsv1_2;
    server_context = tls::create_secure_context(of_server);
    tls::secure_context_options of_client;
    of_client.ca = known.root->certificate();
    client_context = tls::create_secure_context(of_client);
}

std::size_t scene::below(std::size_t limit) noexcept
{
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::size_t>((mixed ^ (mixed >> 31)) % limit);
}

std::vector<std::byte> scene::random_bytes(std::size_t size)
{
    std::vector<std::byte> bytes(size);
    for (std::byte& each : bytes)
        each = static_cast<std::byte>(below(256));
    return bytes;
}

std::chrono::nanoseconds scene::random_time(std::chrono::nanoseconds most)
{
    return std::chrono::nanoseconds(below(static_cast<std::size_t>(most.count()) + 1));
}

void scene::note_failure(std::exception_ptr failure) noexcept
{
    if (!failure_)
        failure_ = std::move(failure);
}

bool scene::is_rough() const noexcept
{
    return weather.reset > 0 || weather.accept_failure > 0 || weather.connect_failure > 0;
}

void scene::allow_loss(std::error_code error, std::string_view where) const
{
    static const std::array<std::error_code, 9> losses{
        make_error_code(errc::reset),
        tls::make_error_code(tls::errc::truncated),
        tls::make_error_code(tls::errc::handshake_interrupted),
        tls::make_error_code(tls::errc::handshake_timeout),
        error_from_errno(EPIPE),
        error_from_errno(ECONNREFUSED),
        error_from_errno(EHOSTUNREACH),
        error_from_errno(ENETUNREACH),
        error_from_errno(ETIMEDOUT),
    };
    if (!is_rough() || std::find(losses.begin(), losses.end(), error) == losses.end())
        fail(where, error);
}

void scene::run(task<> main)
{
    const std::size_t chunks_before = internal::chunks_in_use();
    world.run(run_and_settle(std::move(main)));
    if (failure_)
        std::rethrow_exception(failure_);
    const simulation_report& report = world.report();
    std::string wrong;
    expect(wrong, "operations", report.loop.operations, operations_of_an_idle_loop);
    expect(wrong, "timers", report.loop.timers, 0);
    expect(wrong, "receive buffers", report.loop.receive_buffers_lent, 0);
    expect(wrong, "descriptors", report.open_descriptors, 0);
    expect(wrong, "chunks", internal::chunks_in_use(), chunks_before);
    expect(wrong, "pending requests", report.pending_operations, 0);
    if (!wrong.empty())
        throw std::runtime_error("left behind:" + wrong);
}

task<> scene::run_and_settle(task<> main)
{
    co_await main;
    static_cast<void>(co_await sleep_for(time_to_settle));
    require(world.open_descriptors() == 0, "descriptors are open when all is over");
}

void require(bool is_true, std::string_view what)
{
    if (!is_true)
        throw std::runtime_error(std::string(what));
}

void fail(std::string_view what, std::error_code error)
{
    throw std::runtime_error(std::string(what) + ": " + error_name(error) + " (" + error.message() + ")");
}

const std::vector<program>& programs()
{
    static const std::vector<program> all{
        {"echo", play_echo},
        {"cancel", play_cancel_storm},
        {"endings", play_endings},
        {"handshakes", play_handshakes},
        {"drain", play_drain},
        {"abandon", play_abandon},
        {"plain", play_plain},
        {"cut_off", play_cut_off},
        {"cut_off_plain", play_cut_off_plain},
        {"flood", play_flood},
        {"questions", play_questions},
    };
    return all;
}

std::uint64_t play(const program& which, std::uint64_t seed, backend on, std::function<void(std::string_view)> on_event)
{
    scene where(seed, on, std::move(on_event));
    which.play(where);
    return where.world.trace_hash();
}

}  // namespace coil::test
