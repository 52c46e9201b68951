#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

/// This program once more, as a child with arguments of its own that does not outlive this process.
class process {
public:
    /// @param processor  where it stays; -1: anywhere.
    process(const std::vector<std::string>& arguments, int processor);
    process(process&& other) noexcept;
    process& operator=(process&&) = delete;
    /// Kills it.
    ~process();

    /// Waits for its end. @return what it printed. Throws: `failure` if it failed or took longer than `limit`.
    std::string output(std::chrono::seconds limit);

    /// Processor time of all its threads so far, in user space and in the kernel.
    std::chrono::nanoseconds cpu_time() const;
    /// Its share of the memory that it uses (PSS), without what the kernel keeps for it.
    std::size_t memory() const;
    /// Throws: `failure` if it has ended.
    void check_running();

private:
    std::string name_;
    pid_t id_ = -1;
    int output_ = -1;
};

}  // namespace bench
