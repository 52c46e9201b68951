#include "bench/lockstep/report.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>

namespace bench::lockstep {
namespace {

namespace json = boost::json;

template <class... T>
std::string format(const char* pattern, T... values)
{
    char text[128];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

std::string cost_text(std::optional<double> nanoseconds)
{
    return nanoseconds ? format("%.2f us", *nanoseconds / 1000) : "-";
}

json::value to_value(std::optional<double> number)
{
    return number ? json::value(*number) : json::value(nullptr);
}

json::object to_object(const lockstep_cell& one)
{
    json::array rounds;
    for (const round_result& each : one.rounds)
        rounds.push_back(
            json::object{{"nanoseconds", each.nanoseconds}, {"operations", each.operations}, {"turns", each.turns}});
    return {{"system", one.of->name},
            {"best", to_value(one.best())},
            {"failure", one.failure.empty() ? json::value(nullptr) : json::value(one.failure)},
            {"rounds", std::move(rounds)}};
}

}  // namespace

std::optional<double> lockstep_cell::best() const
{
    const auto least = std::ranges::min_element(rounds, {}, &round_result::nanoseconds);
    return least == rounds.end() ? std::nullopt : std::optional(least->nanoseconds);
}

std::optional<double> lockstep_row::floor() const
{
    const auto parts = std::ranges::count_if(contestants(), &contestant::is_floor);
    double sum = 0;
    std::ptrdiff_t found = 0;
    for (const lockstep_cell& one : cells)
        if (const std::optional<double> cost = one.best(); cost && one.of->is_floor) {
            sum += *cost;
            ++found;
        }
    return found == parts ? std::optional(sum) : std::nullopt;
}

std::string head_line(const lockstep_options& options)
{
    std::string text = format("%-30s %12s", "server's time for each", "floor");
    for (const contestant* by : options.contestants)
        text += format(by->is_floor ? " %12s" : " %20s", std::string(by->name).c_str());
    return text;
}

std::string table_line(const lockstep_row& row)
{
    const std::string name = std::string(row.of->name()) + ", " + std::string(row.of->scenario.operation);
    const std::optional<double> floor = row.floor();
    std::string text = format("%-30s %12s", name.c_str(), cost_text(floor).c_str());
    for (const lockstep_cell& one : row.cells) {
        const std::optional<double> cost = one.best();
        std::string figure = cost_text(cost);
        if (cost && floor && !one.of->is_floor)
            figure += format(" (%.2f)", *cost / *floor);
        text += format(one.of->is_floor ? " %12s" : " %20s", figure.c_str());
    }
    return text;
}

std::string to_json(const std::vector<lockstep_row>& rows)
{
    json::array scenarios;
    for (const lockstep_row& row : rows) {
        json::array cells;
        for (const lockstep_cell& one : row.cells)
            cells.push_back(to_object(one));
        scenarios.push_back(json::object{{"name", row.of->name()},
                                         {"operation", row.of->scenario.operation},
                                         {"floor", to_value(row.floor())},
                                         {"systems", std::move(cells)}});
    }
    return json::serialize(json::object{{"unit", "nanoseconds"}, {"scenarios", std::move(scenarios)}}) + "\n";
}

}  // namespace bench::lockstep
