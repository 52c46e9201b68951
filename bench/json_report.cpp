#include "bench/report.hpp"

#include <boost/json.hpp>

namespace bench {
namespace {

namespace json = boost::json;

json::value to_value(std::optional<double> number)
{
    return number ? json::value(*number) : json::value(nullptr);
}

json::object to_object(const scenario_result& row, const cell& one)
{
    json::array samples;
    for (const sample& taken : one.samples)
        samples.push_back(json::object{{"cost", taken.cost},
                                       {"rate", taken.rate},
                                       {"others", taken.others},
                                       {"stolen", taken.stolen},
                                       {"noisy", taken.noisy()}});
    json::object made;
    made["system"] = one.of->name;
    made["description"] = one.of->description;
    made["median"] = to_value(one.median());
    made["minimum"] = to_value(one.minimum());
    made["ratio"] = one.of->kind == system_kind::server ? to_value(row.ratio(one)) : json::value(nullptr);
    made["rate"] = to_value(one.rate());
    made["noisy"] = one.noisy();
    made["failure"] = one.failure.empty() ? json::value(nullptr) : json::value(one.failure);
    made["samples"] = std::move(samples);
    return made;
}

}  // namespace

std::string to_json(const results& all)
{
    json::array scenarios;
    for (const scenario_result& row : all.scenarios) {
        json::array cells;
        for (const cell& one : row.cells)
            cells.push_back(to_object(row, one));
        const bool memory = row.of->kind == scenario_kind::memory;
        scenarios.push_back(json::object{{"name", row.of->name},
                                         {"operation", row.of->operation},
                                         {"unit", memory ? "bytes" : "nanoseconds"},
                                         {"connections", row.of->connections},
                                         {"size", row.of->size},
                                         {"floor", to_value(row.floor())},
                                         {"systems", std::move(cells)}});
    }
    json::object report;
    report["machine"] = describe_machine();
    report["method"] = describe_method(all);
    report["complaint"] = all.where.complaint;
    report["complete"] = all.complete();
    report["scenarios"] = std::move(scenarios);
    return json::serialize(report) + "\n";
}

}  // namespace bench
