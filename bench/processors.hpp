#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// Which processors the server and the load generator have to themselves.
struct processors {
    /// The first of the server's; -1: nothing is pinned.
    int server = -1;
    /// All of the server's: one for each of its threads.
    std::vector<int> servers;
    int generator = -1;
    /// What is wrong with that, in one line; empty if nothing is.
    std::string complaint;
};

/// Takes some of those that this process may use, and moves it to the generator's.
/// @param threads  of the server.
processors choose_processors(unsigned threads = 1);

/// The same with no more than the first of the server's.
processors first_of(const processors& all);

/// Keeps this process on these processors. @return whether that was permitted.
bool stay_on(const std::vector<int>& processors) noexcept;

/// What these processors have done since the machine started.
struct processor_use {
    std::chrono::nanoseconds busy{};
    /// Time that the hypervisor gave to others.
    std::chrono::nanoseconds stolen{};
};
processor_use read_use(const processors& of);

}  // namespace bench
