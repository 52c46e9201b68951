#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <signal.h>
#include <sys/signalfd.h>

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

/// What is read where signals are waited for.
using arrived_signal = signalfd_siginfo;

/// Gives the signals of `set`, which must be blocked, each as an `arrived_signal`. @param waits  whether a read waits for one.
int open_signals(const sigset_t& set, bool waits) noexcept;
/// Takes one that has come, where reads do not wait. @return its number; 0 for none.
int take_signal(int signals) noexcept;

/// Blocks this thread until one of these can be read, or until `wait` is over; -1 among them is left out.
/// @param wait  none: as long as it takes; more than an hour counts as one.
/// @return for each whether it can be read, or has ended.
std::array<bool, 2> wait_until_readable(std::array<int, 2> descriptors,
                                        std::optional<std::chrono::nanoseconds> wait) noexcept;

/// {read end, write end}
std::optional<std::array<int, 2>> open_pipe() noexcept;
int duplicate(int descriptor) noexcept;
bool is_terminal(int descriptor) noexcept;
/// @}

}  // namespace coil::internal
