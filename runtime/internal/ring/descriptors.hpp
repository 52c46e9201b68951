#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <signal.h>

namespace coil::internal {

/// Descriptors that are the system's in a simulation too: other threads and processes have the other end.
///
/// All lie above the standard numbers and are closed on exec. -1, with errno, where there is none.
/// @{

/// A counter that wakes who reads it. @param waits  whether a read waits for it to be rung.
int open_bell(bool waits) noexcept;
/// From any thread.
void ring_bell(int bell) noexcept;
/// How often it was rung since this was last asked; of one whose reads do not wait.
std::uint64_t count_of_bell(int bell) noexcept;

/// Gives the signals of `set`, which must be blocked, as signalfd_siginfo. @param waits  whether a read waits for one.
int open_signals(const sigset_t& set, bool waits) noexcept;

/// {read end, write end}
std::optional<std::array<int, 2>> open_pipe() noexcept;
int duplicate(int descriptor) noexcept;
bool is_terminal(int descriptor) noexcept;
/// @}

}  // namespace coil::internal
