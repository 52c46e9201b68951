#include "bench/report/live_table.hpp"

#include "bench/report/figures.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr auto between_lines = 20s;
constexpr std::size_t name_width = 20;

double seconds_of(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

std::string left_aligned(const std::string& text, std::size_t width)
{
    std::string shown = cut(printable(text), width);
    shown.append(width - width_of(shown), ' ');
    return shown;
}

std::string right_aligned(const std::string& text, std::size_t width)
{
    return std::string(width - std::min(width, width_of(text)), ' ') + text;
}

/// Figures of a line, the most important first: what has no room is left out at the end.
using figures = std::array<std::string, 6>;
constexpr std::array<std::size_t, 6> figure_widths{15, 9, 11, 11, 11, 11};

/// @param mark  of two columns, behind the first figure.
std::string figure_columns(const figures& shown, std::size_t width, const std::string& mark = "  ")
{
    std::string text;
    std::size_t used = name_width + 1 + 2;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        used += figure_widths[i];
        if (used > width)
            break;
        text += right_aligned(shown[i], figure_widths[i]) + (i == 0 ? mark : "");
    }
    return text;
}

figures figures_of(const summary_row& row, const summary_cell& one)
{
    figures shown;
    if (one.median)
        shown[0] = row.bytes ? bytes_text(*one.median) : duration_text(*one.median);
    if (one.ratio)
        shown[1] = ratio_text(*one.ratio);
    if (one.rate)
        shown[2] = count_text(*one.rate) + "/s";
    if (const std::optional<latency> took = one.took()) {
        shown[3] = duration_text(took->median());
        shown[4] = duration_text(took->p99());
    }
    if (const std::optional<latency> before = one.took_before())
        shown[5] = duration_text(before->p99());
    return shown;
}

std::string bar(double share, std::size_t width)
{
    const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
    std::string text;
    for (std::size_t i = 0; i < width; ++i)
        text += i < full ? "█" : "░";
    return text;
}

std::string percent(double share)
{
    char text[16];
    std::snprintf(text, sizeof text, "%3.0f %%", share * 100);
    return text;
}

std::string step_text(const run_step& step)
{
    return std::string(step.row->of->name) + ", round " + std::to_string(step.round) + "/" +
           std::to_string(step.rounds) + ", " + printable(std::string(step.of->of->name));
}

/// A finished scenario where there is no terminal.
std::string result_line(const summary_row& row, const scenario_result& measured)
{
    std::string text = row.name;
    if (row.floor)
        text += ": floor " + (row.bytes ? bytes_text(*row.floor) : duration_text(*row.floor));
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
        const summary_cell& one = row.cells[i];
        if (measured.cells[i].of->kind != system_kind::server && one.failure.empty())
            continue;
        text += "; " + printable(one.system) + " ";
        text += one.ratio ? ratio_text(*one.ratio) + " (" + figures_of(row, one)[0] + ")" : figures_of(row, one)[0];
        text += one.noisy ? " ~" : "";
        if (!one.failure.empty())
            text += (one.median ? ", then failed: " : "failed: ") + printable(one.failure);
    }
    return text;
}

}  // namespace

live_table::live_table(screen to, std::function<clock::time_point()> now) : screen_(std::move(to)), now_(std::move(now))
{
}

live_table::~live_table()
{
    if (drawn_lines_ > 0)
        draw_over({});
}

void live_table::begin(std::size_t scenarios, std::chrono::nanoseconds expected)
{
    scenarios_ = scenarios;
    left_ = remaining_time(seconds_of(expected));
    last_line_ = now_();
    if (!screen_.terminal)
        screen_.show("scenarios: " + std::to_string(scenarios) + ", about " + seconds_text(left_.seconds()) + "\n");
}

void live_table::begin_step(const run_step& step)
{
    begun_step_ = now_();
    if (screen_.terminal) {
        draw(step);
    } else if (begun_step_ - last_line_ >= between_lines) {
        last_line_ = begun_step_;
        screen_.show(percent(left_.share()) + ", " + seconds_text(left_.seconds()) + " left: " + step_text(step) +
                     "\n");
    }
}

void live_table::end_step(const run_step& step)
{
    left_.passed(seconds_of(step.expected), seconds_of(now_() - begun_step_));
    if (screen_.terminal)
        draw(step);
}

void live_table::skip_step(const run_step& step)
{
    left_.dropped(seconds_of(step.expected));
}

void live_table::finish(const scenario_result& row)
{
    ++finished_;
    if (screen_.terminal) {
        std::vector<std::string> lines = lines_of(row, nullptr, screen_.size().columns);
        lines.emplace_back();
        draw_over(lines);
        drawn_lines_ = 0;  // they stay
    } else {
        last_line_ = now_();
        screen_.show("[" + std::to_string(finished_) + "/" + std::to_string(scenarios_) + "] " +
                     result_line(summarize(row), row) + "\n");
    }
}

/// Puts the lines where those of the last time are. Line by line, since some terminals keep what is erased as a whole.
void live_table::draw_over(const std::vector<std::string>& lines)
{
    std::string text = drawn_lines_ == 0 ? "" : "\033[" + std::to_string(drawn_lines_) + "A\r";
    for (const std::string& line : lines)
        text += line + "\033[K\n";
    drawn_lines_ = lines.size();
    screen_.show(text + "\033[J");
}

void live_table::draw(const run_step& step)
{
    const screen_size size = screen_.size();
    std::vector<std::string> lines = lines_of(*step.row, step.of, size.columns);
    lines.push_back(progress_line(step, size.columns));
    const std::size_t room = std::max<std::size_t>(size.lines, 3) - 1;  // the cursor stands below
    if (lines.size() > room)
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(room));
    draw_over(lines);
}

std::vector<std::string> live_table::lines_of(const scenario_result& row, const cell* current, std::size_t width) const
{
    const summary_row shown = summarize(row);
    figures head{"per " + shown.operation, "ratio", "rate"};
    for (const summary_cell& one : shown.cells)
        if (one.took())
            head = {head[0], head[1], head[2], "p50", "p99", shown.storm() ? "before" : ""};
    std::vector<std::string> lines{screen_.paint(colour::bold, left_aligned(shown.name, name_width + 1)) +
                                   screen_.paint(colour::dim, figure_columns(head, width))};
    for (std::size_t i = 0; i < shown.cells.size(); ++i) {
        const summary_cell& one = shown.cells[i];
        const bool server = row.cells[i].of->kind == system_kind::server;
        const bool at_work = &row.cells[i] == current;
        std::string line = at_work ? screen_.paint(colour::cyan, ">") : " ";
        line += screen_.paint(server ? colour::none : colour::dim, left_aligned(one.system, name_width));
        line += figure_columns(figures_of(shown, one), width, one.noisy ? screen_.paint(colour::yellow, " ~") : "  ");
        lines.push_back(line);
        if (!one.failure.empty())
            lines.push_back(
                screen_.paint(colour::red, cut("   failed: " + printable(one.failure), width > 0 ? width - 1 : 0)));
        const bool last_of_floor =
            !server && (i + 1 == shown.cells.size() || row.cells[i + 1].of->kind == system_kind::server);
        if (last_of_floor && shown.floor) {
            const summary_cell together{.median = shown.floor, .ratio = 1};
            lines.push_back(screen_.paint(colour::dim, " " + left_aligned("= floor", name_width) +
                                                           figure_columns(figures_of(shown, together), width)));
        }
    }
    return lines;
}

std::string live_table::progress_line(const run_step& step, std::size_t width) const
{
    const std::string text = percent(left_.share()) + "  " + seconds_text(left_.seconds()) + " left  " +
                             std::to_string(finished_ + 1) + "/" + std::to_string(scenarios_) + " " + step_text(step);
    const std::size_t bar_width = std::clamp<std::size_t>(width / 4, 8, 24);
    const std::size_t room = width > bar_width + 2 ? width - bar_width - 2 : 0;
    return screen_.paint(colour::green, bar(left_.share(), bar_width)) + " " + cut(text, room);
}

}  // namespace bench
