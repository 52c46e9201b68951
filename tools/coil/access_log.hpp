#pragma once

#include <coil/runtime/scope.hpp>
#include <coil/runtime/standard_stream.hpp>

#include <string>
#include <string_view>

namespace coil::command {

/// Lines for standard output, for which no request waits: a terminal that was stopped does not stop the server. One for
/// each loop.
class access_log {
public:
    /// @param on  whether anything is written at all.
    access_log(scope& writers, bool on);

    /// Whether lines are wanted: where not, there is no need to make them.
    bool on() const noexcept { return on_; }
    /// Writes `line` and a line end, with the time in front. Drops it where too much waits to be written.
    void add(std::string_view line);

private:
    task<> write_pending();

    scope& writers_;
    standard_output output_;
    std::string pending_;
    bool writing_ = false;
    bool on_;
};

}  // namespace coil::command
