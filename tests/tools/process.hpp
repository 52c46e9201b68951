#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coil::test {

/// How a process ended and what it said.
struct finished_process {
    int status = -1;  ///< What it exited with; 128 + n where signal n ended it; -1 where it had to be killed.
    std::string output;
    std::string errors;
};

/// A child process. Its input is a text, its output is kept; it is killed when this object goes.
class process {
public:
    /// @param arguments  the program first, looked up in PATH.
    /// @param limited    without the rights that let root read everything and take every port.
    explicit process(std::vector<std::string> arguments, const std::string& input = "", bool limited = false);
    ~process();
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    void send_signal(int number) const;
    /// Waits for its end, and kills it if that takes too long.
    finished_process wait(std::chrono::seconds limit = std::chrono::seconds(60));
    /// What it has written to standard output so far.
    std::string output() const;

private:
    pid_t pid_ = -1;
    int input_ = -1;
    int output_ = -1;
    int errors_ = -1;
};

/// Runs a process to its end.
finished_process run(std::vector<std::string> arguments, const std::string& input = "", bool limited = false);

}  // namespace coil::test
