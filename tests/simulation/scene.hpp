#pragma once

#include <coil/runtime/simulation.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/secure_context.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coil::test {

/// One seed of a program: a world, contexts to connect with, and dice for what the program itself leaves to chance.
class scene {
public:
    scene(std::uint64_t seed, backend on, std::function<void(std::string_view)> on_event);

    /// 0 … limit - 1.
    std::size_t below(std::size_t limit) noexcept;
    bool chance(unsigned percent) noexcept { return below(100) < percent; }
    std::vector<std::byte> random_bytes(std::size_t size);
    std::chrono::nanoseconds random_time(std::chrono::nanoseconds most);

    /// Runs `main` and then checks that nothing is left of it: no operation, timer, buffer, descriptor or chunk.
    /// Throws: what `main` throws, the first failure that was noted, or what is wrong.
    void run(task<> main);

    /// Keeps the first failure from a place that cannot throw it itself.
    void note_failure(std::exception_ptr failure) noexcept;

    /// Whether connections can fail in this world by themselves.
    bool is_rough() const noexcept;

    /// Fails unless this world or its network can be the cause of `error`.
    void allow_loss(std::error_code error, std::string_view where) const;

    simulation_options weather;
    simulation world;
    tls::secure_context server_context;
    tls::secure_context client_context;

private:
    task<> run_and_settle(task<> main);

    std::uint64_t state_;
    std::exception_ptr failure_;
};

/// Throws, with this text, unless it is true.
void require(bool is_true, std::string_view what);
/// Throws with this text and the error.
[[noreturn]] void fail(std::string_view what, std::error_code error);

/// The programs by name.
struct program {
    std::string_view name;
    void (*play)(scene& on);
};
const std::vector<program>& programs();

/// The backends that can be simulated.
inline constexpr std::array backends{backend::io_uring, backend::epoll};

/// Runs one program with one seed on one backend. @return the hash of its trace. Throws: what went wrong.
std::uint64_t play(const program& which, std::uint64_t seed, backend on,
                   std::function<void(std::string_view)> on_event = {});

void play_echo(scene& on);
void play_cancel_storm(scene& on);
void play_endings(scene& on);
void play_handshakes(scene& on);
void play_drain(scene& on);
void play_abandon(scene& on);
void play_plain(scene& on);
void play_cut_off(scene& on);
void play_cut_off_plain(scene& on);
void play_flood(scene& on);
void play_questions(scene& on);

}  // namespace coil::test
