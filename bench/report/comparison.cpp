#include "bench/report/comparison.hpp"

#include "bench/report/figures.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {
namespace {

constexpr std::size_t enough_rounds = 4;

struct range {
    double least;
    double most;
};

range range_of(const summary_cell& of, double unit)
{
    const auto [least, most] = std::ranges::minmax(of.samples, {}, &sample::cost);
    return {least.cost / unit, most.cost / unit};
}

std::optional<change> compare_cells(const summary_row& row, const summary_cell& before, const summary_cell& after)
{
    if (!before.median || !after.median || *before.median <= 0 || before.samples.empty() || after.samples.empty())
        return std::nullopt;
    change made{row.name, before.system};
    made.bytes = row.bytes;
    made.has_floor = before.ratio && after.ratio;
    const double unit_before = made.has_floor ? *before.median / *before.ratio : 1;
    const double unit_after = made.has_floor ? *after.median / *after.ratio : 1;
    made.before = *before.median / unit_before;
    made.after = *after.median / unit_after;
    made.noisy = before.noisy || after.noisy;
    const range first = range_of(before, unit_before);
    const range second = range_of(after, unit_after);
    const bool apart = first.most < second.least || second.most < first.least;
    const bool enough = std::min(before.samples.size(), after.samples.size()) >= enough_rounds;
    made.outside_noise = apart && (enough || made.bytes);
    return made;
}

const summary_row* find_row(const summary& in, const std::string& name)
{
    const auto found = std::ranges::find(in.rows, name, &summary_row::name);
    return found == in.rows.end() ? nullptr : &*found;
}

void list_absent(const summary& from, const summary& in, const std::string& which, std::vector<std::string>& lines)
{
    for (const summary_row& row : from.rows) {
        const summary_row* const other = find_row(in, row.name);
        for (const summary_cell& one : row.cells) {
            const summary_cell* const counterpart = other ? other->find(one.system) : nullptr;
            if (one.median && (!counterpart || !counterpart->median))
                lines.push_back(row.name + ", " + one.system + ": only in the " + which);
        }
    }
}

std::string value_text(const change& of, double value)
{
    return of.has_floor ? ratio_text(value) : of.bytes ? bytes_text(value) : duration_text(value);
}

std::string verdict(const change& of)
{
    if (!of.outside_noise)
        return "within the noise";
    return of.after < of.before ? "better" : "worse";
}

}  // namespace

std::vector<change> compare(const summary& before, const summary& after)
{
    std::vector<change> changes;
    for (const summary_row& row : before.rows) {
        const summary_row* const other = find_row(after, row.name);
        if (!other)
            continue;
        for (const summary_cell& one : row.cells) {
            const summary_cell* const counterpart = other->find(one.system);
            if (!counterpart)
                continue;
            if (std::optional<change> made = compare_cells(row, one, *counterpart))
                changes.push_back(std::move(*made));
        }
    }
    return changes;
}

std::vector<std::string> only_in_one(const summary& before, const summary& after)
{
    std::vector<std::string> lines;
    list_absent(before, after, "first", lines);
    list_absent(after, before, "second", lines);
    return lines;
}

table to_table(const std::vector<change>& changes)
{
    table made;
    made.title = "The second run beside the first";
    made.note = "Ratios to the floor of each run, or costs where there is none. Outside the noise is what no sample of "
                "the other "
                "run reaches, in at least four rounds; ~ marks noisy measurements.";
    made.head = {"scenario", "system", "first", "second", "change", "verdict"};
    for (const change& one : changes) {
        char percent[32];
        std::snprintf(percent, sizeof percent, "%+.1f %%", (one.factor() - 1) * 100);
        made.rows.push_back({{.text = one.scenario},
                             {.text = one.system},
                             {.text = value_text(one, one.before)},
                             {.text = value_text(one, one.after)},
                             {.text = percent, .noisy = one.noisy},
                             {.text = verdict(one)}});
    }
    return made;
}

}  // namespace bench
