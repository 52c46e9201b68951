#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bench {

/// Which processors the server and the load generator have to themselves.
struct processors {
    int server = -1;
    int generator = -1;
    /// What is wrong with that, in one line; empty if nothing is.
    std::string complaint;
};

/// Takes two of those that this process may use, and moves it to the generator's.
processors choose_processors();

/// Keeps this process on one processor. @return whether that was permitted.
bool stay_on(int processor) noexcept;

/// What two processors have done since the machine started.
struct processor_use {
    std::chrono::nanoseconds busy{};
    /// Time that the hypervisor gave to others.
    std::chrono::nanoseconds stolen{};
};
processor_use read_use(const processors& of);

}  // namespace bench
