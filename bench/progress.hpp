#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace bench {

/// One line on stderr that says what is going on and how long it will take; nothing where that is no terminal.
class progress {
public:
    explicit progress(std::size_t steps);
    ~progress() { clear(); }

    /// Begins a step.
    void show(const std::string& what);
    /// Takes the line away, for other output.
    void clear();

private:
    std::size_t steps_;
    std::size_t begun_ = 0;
    bool terminal_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace bench
