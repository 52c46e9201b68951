#pragma once

#include <coil/runtime/scope.hpp>
#include <coil/runtime/standard_stream.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include <unistd.h>

namespace coil::command {

/// Lines for standard output, for which no request waits: a terminal that was stopped does not stop the server. Where the
/// reader comes back later, or the disk has room again, the log goes on, and says how many lines are missing. One for each
/// loop.
class access_log {
public:
    /// @param on  whether anything is written at all.
    access_log(scope& writers, bool on, int descriptor = STDOUT_FILENO);

    /// Whether lines are wanted: where not, there is no need to make them.
    bool on() const noexcept { return on_; }
    /// Writes `line` and a line end, with the time in front. Drops and counts it where too much waits to be written.
    void add(std::string_view line);
    /// From now on a reader that takes nothing for a second ends the log, so that the end of the server need not wait for it.
    void finish() noexcept { finishing_ = true; }

private:
    task<> write_pending();
    task<bool> write_all(std::string_view batch);
    std::string take_pending();
    void append(std::string_view line);
    void append_dropped();

    scope& writers_;
    standard_output output_;
    std::string pending_;
    std::size_t dropped_ = 0;  // lines since the last that was kept
    bool finishing_ = false;
    bool writing_ = false;
    bool on_;
};

}  // namespace coil::command
