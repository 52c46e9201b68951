#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

/// How to start this program once more with other arguments.
std::vector<std::string> this_program(const std::vector<std::string>& arguments);
/// Says which words have to stand before all others, where this program is part of a greater one.
void set_leading_words(std::vector<std::string> words);

/// A program with all the processes that it starts (its process group, in a session of its own). None of them outlives this
/// process, however that ends.
class process {
public:
    enum class output { dropped, kept };

    /// @param name  for messages.
    /// @param command  the program and its arguments. It reads nothing, and its errors go where ours go.
    /// @param processors  where all of it stays; empty: anywhere.
    process(std::string name, const std::vector<std::string>& command, const std::vector<int>& processors,
            output what = output::dropped);
    process(process&& other) noexcept;
    process& operator=(process&&) = delete;
    /// Kills all of it, and waits until it is gone.
    ~process();

    /// Waits for its end; its output is kept. @return what it printed. Throws: `failure` if it failed or took longer than
    /// `limit`.
    std::string finish(std::chrono::seconds limit);

    /// Processor time so far, in user space and in the kernel: of all threads of all processes, and of those that have ended.
    std::chrono::nanoseconds cpu_time() const;
    /// Its share of the memory that it uses (PSS), without what the kernel keeps for it.
    std::size_t memory() const;
    /// Throws: `failure` if it has ended.
    void check_running();

private:
    void end() noexcept;

    std::string name_;
    pid_t id_ = -1;
    pid_t guard_ = -1;
    int output_ = -1;
    int lifeline_ = -1;
};

}  // namespace bench
