#include "bench/report/tables.hpp"

#include "bench/report/figures.hpp"

#include <algorithm>
#include <functional>

namespace bench {
namespace {

using column_cell = std::function<table_cell(const summary_row&, const summary_cell&)>;

std::string cost_text(const summary_row& of, std::optional<double> cost)
{
    if (!cost)
        return "";
    return of.bytes ? bytes_text(*cost) : duration_text(*cost);
}

std::string row_name(const summary_row& row)
{
    return row.name + ", per " + row.operation;
}

std::vector<const summary_system*> systems_of(const summary& of, bool with_floor)
{
    std::vector<const summary_system*> chosen;
    for (const summary_system& one : of.systems)
        if (one.missing.empty() && (with_floor || !one.floor))
            chosen.push_back(&one);
    return chosen;
}

/// The server with the least cost in a scenario; null if there are no two to choose from.
const summary_cell* best_of(const summary& of, const summary_row& row)
{
    const summary_cell* best = nullptr;
    std::size_t seen = 0;
    for (const summary_system* one : systems_of(of, false)) {
        const summary_cell* const found = row.find(one->name);
        if (!found || !found->median)
            continue;
        ++seen;
        if (!best || *found->median < *best->median)
            best = found;
    }
    return seen > 1 ? best : nullptr;
}

/// What a cell shows: an empty one where the scenario does not apply, the failure where there is no figure.
table_cell shown_cell(const summary_row& row, const summary_cell* found, const column_cell& make)
{
    if (!found)
        return {};
    if (found->samples.empty())
        return {.text = "failed", .failed = true};
    table_cell made = make(row, *found);
    if (made.text.empty())
        return {};
    made.noisy = found->noisy;
    made.failed = !found->failure.empty();
    return made;
}

struct column {
    std::string name;
    std::function<table_cell(const summary_row&)> cell_of;
};

std::vector<column> columns_for(const std::vector<const summary_system*>& systems, const column_cell& make)
{
    std::vector<column> made;
    for (const summary_system* one : systems)
        made.push_back({one->name, [name = one->name, make](const summary_row& row) {
                            return shown_cell(row, row.find(name), make);
                        }});
    return made;
}

bool has_figure(const table_cell& one)
{
    return !one.text.empty() && !one.failed;
}

/// One row for each scenario with a figure, without columns that stay empty.
table by_scenario(const std::vector<const summary_row*>& rows, const std::vector<column>& columns)
{
    table made;
    made.head.push_back("scenario");
    for (const summary_row* row : rows) {
        std::vector<table_cell> line{{.text = row_name(*row)}};
        for (const column& one : columns)
            line.push_back(one.cell_of(*row));
        if (std::any_of(line.begin() + 1, line.end(), has_figure))
            made.rows.push_back(std::move(line));
    }
    for (const column& one : columns) {
        const auto at = static_cast<std::ptrdiff_t>(made.head.size());
        const auto is_empty = [at](const std::vector<table_cell>& line) {
            return line[static_cast<std::size_t>(at)].text.empty();
        };
        if (!std::ranges::all_of(made.rows, is_empty))
            made.head.push_back(one.name);
        else
            for (std::vector<table_cell>& line : made.rows)
                line.erase(line.begin() + at);
    }
    return made;
}

std::vector<const summary_row*> rows_of(const summary& of, const std::function<bool(const summary_row&)>& wanted)
{
    std::vector<const summary_row*> chosen;
    for (const summary_row& row : of.rows)
        if (wanted(row))
            chosen.push_back(&row);
    return chosen;
}

/// Memory and storms have tables of their own.
bool takes_time(const summary_row& row)
{
    return !row.bytes && !row.storm();
}

table costs(const summary& of)
{
    std::vector<column> columns =
        columns_for(systems_of(of, false), [&](const summary_row& row, const summary_cell& one) -> table_cell {
            const std::string cost = cost_text(row, one.median);
            const bool best = best_of(of, row) == &one;
            if (!one.ratio)
                return {.text = cost, .best = best};
            return {.text = ratio_text(*one.ratio), .aside = cost, .best = best};
        });
    columns.insert(columns.begin(),
                   {"floor", [](const summary_row& row) -> table_cell { return {.text = cost_text(row, row.floor)}; }});
    table made = by_scenario(rows_of(of, takes_time), columns);
    made.title = "Processor time of the server, as ratio to the floor";
    made.note = "Medians over the rounds; beside the ratio the time for each operation.";
    return made;
}

table best_rounds(const summary& of)
{
    table made = by_scenario(
        rows_of(of, takes_time),
        columns_for(systems_of(of, true), [](const summary_row& row, const summary_cell& one) -> table_cell {
            return {.text = cost_text(row, one.minimum)};
        }));
    made.title = "Processor time for each operation in the best round";
    made.note = "Minima, with the parts of the floor: what is left when others disturb least.";
    return made;
}

table rates(const summary& of)
{
    table made = by_scenario(rows_of(of, takes_time),
                             columns_for(systems_of(of, false), [](const summary_row&, const summary_cell& one) {
                                 return table_cell{.text = one.rate ? count_text(*one.rate) : ""};
                             }));
    made.title = "Operations per second";
    made.note = "What server and load generator got done together; other programs on the machine change this most.";
    return made;
}

table latencies(const summary& of)
{
    table made =
        by_scenario(rows_of(of, takes_time),
                    columns_for(systems_of(of, false), [](const summary_row&, const summary_cell& one) -> table_cell {
                        const std::optional<latency> took = one.took();
                        if (!took)
                            return {};
                        return {.text = duration_text(took->median()) + " / " + duration_text(took->p99()) + " / " +
                                        duration_text(took->p999())};
                    }));
    made.title = "Latency: p50 / p99 / p99.9";
    made.note = "How long operations took as clients saw it: medians over the rounds.";
    return made;
}

/// Memory and storms have few scenarios and several figures: there the systems are the rows.
table memory(const summary& of)
{
    const auto rows = rows_of(of, [](const summary_row& row) { return row.bytes; });
    table made;
    made.title = "Memory for each idle connection";
    made.note = "What the server's process has grown by, without the kernel's part; beside it the ratio to the floor.";
    made.head.push_back("system");
    for (const summary_row* row : rows)
        made.head.push_back(row->name);
    const auto add = [&](const std::string& name, const std::function<table_cell(const summary_row&)>& cell_of) {
        std::vector<table_cell> line{{.text = name}};
        for (const summary_row* row : rows)
            line.push_back(cell_of(*row));
        if (std::ranges::any_of(line.begin() + 1, line.end(), [](const table_cell& one) { return !one.text.empty(); }))
            made.rows.push_back(std::move(line));
    };
    add("floor", [](const summary_row& row) { return table_cell{.text = cost_text(row, row.floor)}; });
    for (const summary_system* one : systems_of(of, false))
        add(one->name, [&](const summary_row& row) {
            return shown_cell(row, row.find(one->name),
                              [&](const summary_row&, const summary_cell& found) -> table_cell {
                                  return {.text = cost_text(row, found.median),
                                          .aside = found.ratio ? ratio_text(*found.ratio) : "",
                                          .best = best_of(of, row) == &found};
                              });
        });
    return made;
}

table storm(const summary& of, const summary_row& row)
{
    table made;
    made.title = "Storm of reconnects: " + row.name;
    made.note =
        "How long the requests of connections that were already there took, before the storm and in it; then what the "
        "storm itself cost.";
    made.head = {
        "system", "p99 before", "p99 in it", "growth", row.operation + "s per second", "time per " + row.operation};
    for (const summary_system* one : systems_of(of, false)) {
        const summary_cell* const found = row.find(one->name);
        if (!found)
            continue;
        const std::optional<latency> before = found->took_before();
        const std::optional<latency> during = found->took();
        std::vector<table_cell> line{{.text = one->name}};
        const auto add = [&](const std::string& text) {
            line.push_back(shown_cell(row, found, [&](const auto&, const auto&) { return table_cell{.text = text}; }));
        };
        add(before ? duration_text(before->p99()) : "");
        add(during ? duration_text(during->p99()) : "");
        add(before && during && before->p99() > 0 ? ratio_text(during->p99() / before->p99()) + " ×" : "");
        add(found->rate ? count_text(*found->rate) : "");
        add(cost_text(row, found->median));
        made.rows.push_back(std::move(line));
    }
    return made;
}

bool any_cell(const summary& of, const std::function<bool(const summary_cell&)>& wanted)
{
    return std::ranges::any_of(of.rows, [&](const summary_row& row) { return std::ranges::any_of(row.cells, wanted); });
}

std::string number_of(std::size_t count, const std::string& what)
{
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::vector<table> tables_of(const summary& of)
{
    std::vector<table> made;
    for (table (*make)(const summary&) : {costs, best_rounds, rates, latencies, memory})
        if (table one = make(of); !one.rows.empty())
            made.push_back(std::move(one));
    for (const summary_row& row : of.rows)
        if (row.storm())
            made.push_back(storm(of, row));
    return made;
}

std::vector<std::string> legend_of(const summary& of)
{
    std::vector<std::string> lines;
    if (any_cell(of, [](const summary_cell& one) { return one.noisy; }))
        lines.push_back(
            "~ marks figures most of whose rounds other programs or other machines of the same host disturbed.");
    if (any_cell(of, [](const summary_cell& one) { return !one.failure.empty(); }))
        lines.push_back("! marks what failed, in some rounds or in all.");
    lines.push_back("An empty cell: the scenario does not apply to that system.");
    return lines;
}

std::vector<std::string> left_out_of(const summary& of)
{
    std::vector<std::string> lines;
    for (const summary_system& one : of.systems)
        if (!one.missing.empty())
            lines.push_back(one.name + " was not measured: " + one.missing);
    for (const summary_row& row : of.rows)
        for (const summary_cell& one : row.cells)
            if (!one.failure.empty())
                lines.push_back(row.name + ", " + one.system + ": " + one.failure);
    return lines;
}

std::string completeness_of(const summary& of)
{
    if (of.complete)
        return "Everything that was asked for was measured.";
    std::size_t failed = 0;
    for (const summary_row& row : of.rows)
        failed += static_cast<std::size_t>(
            std::ranges::count_if(row.cells, [](const summary_cell& one) { return !one.failure.empty(); }));
    const auto missing = static_cast<std::size_t>(
        std::ranges::count_if(of.systems, [](const summary_system& one) { return !one.missing.empty(); }));
    std::string text = "Left out: ";
    if (missing > 0)
        text += number_of(missing, "system");
    if (failed > 0)
        text += (missing > 0 ? ", " : "") + number_of(failed, "failed measurement");
    return text + (missing + failed > 0 ? "." : "a part of the scenarios.");
}

std::string to_text(const summary& of, std::size_t width)
{
    std::string text = of.machine() + "\n" + of.method + "\n";
    if (!of.complaint.empty())
        text += of.complaint + "\n";
    for (const table& one : tables_of(of))
        text += "\n" + to_text(one, width);
    text += "\n* marks the best server.\n";
    for (const std::string& line : legend_of(of))
        text += line + "\n";
    text += "\n" + completeness_of(of) + "\n";
    for (const std::string& line : left_out_of(of))
        text += "  " + printable(line) + "\n";
    return text;
}

std::string to_markdown(const summary& of)
{
    std::string text = escape_markdown(of.machine()) + ". " + escape_markdown(of.method) + ".\n";
    if (!of.complaint.empty())
        text += "\n" + escape_markdown(of.complaint) + "\n";
    for (const table& one : tables_of(of))
        text += "\n" + to_markdown(one);
    text += "\nThe best server is in bold.";
    for (const std::string& line : legend_of(of))
        text += " " + escape_markdown(line);
    text += "\n\n" + completeness_of(of) + "\n";
    const std::vector<std::string> left_out = left_out_of(of);
    if (!left_out.empty())
        text += "\n";
    for (const std::string& line : left_out)
        text += "- " + escape_markdown(line) + "\n";
    return text;
}

}  // namespace bench
