#pragma once

#include "bench/report/remaining_time.hpp"
#include "bench/report/screen.hpp"
#include "bench/report/summary.hpp"
#include "bench/run_watcher.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace bench {

/// Shows a run while it goes on. A terminal has the table of the scenario at hand, which fills as samples come, and beneath it a
/// bar with the time left; tables of earlier scenarios stay above. Elsewhere there is a line for each finished scenario, and
/// one about the time left now and then.
class live_table final : public run_watcher {
public:
    using clock = std::chrono::steady_clock;

    /// @param now  for tests.
    explicit live_table(screen to, std::function<clock::time_point()> now = clock::now);
    ~live_table() override;

    void begin(std::size_t scenarios, std::chrono::nanoseconds expected) override;
    void begin_step(const run_step& step) override;
    void end_step(const run_step& step) override;
    void skip_step(const run_step& step) override;
    void finish(const scenario_result& row) override;

private:
    void draw(const run_step& step);
    std::vector<std::string> lines_of(const scenario_result& row, const cell* current, std::size_t width) const;
    std::string progress_line(const run_step& step, std::size_t width) const;
    void draw_over(const std::vector<std::string>& lines);

    screen screen_;
    std::function<clock::time_point()> now_;
    remaining_time left_;
    std::size_t scenarios_ = 0;
    std::size_t finished_ = 0;
    std::size_t drawn_lines_ = 0;
    clock::time_point begun_step_;
    clock::time_point last_line_;
};

}  // namespace bench
