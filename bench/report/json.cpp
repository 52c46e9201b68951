#include "bench/report/json.hpp"

#include "bench/failure.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace bench {
namespace {

namespace json = boost::json;

constexpr std::string_view format = "bench-results";
constexpr int version = 1;

json::value to_value(std::optional<double> number)
{
    return number ? json::value(*number) : json::value(nullptr);
}

json::value to_value(const std::optional<latency>& took)
{
    return took ? json::value(json::array(took->at.begin(), took->at.end())) : json::value(nullptr);
}

/// Empty texts that mean "none".
json::value text_or_null(const std::string& text)
{
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object to_object(const sample& taken)
{
    return {{"cost", taken.cost},
            {"rate", taken.rate},
            {"others", taken.others},
            {"stolen", taken.stolen},
            {"noisy", taken.noisy()},
            {"took", to_value(taken.took)},
            {"took_before", to_value(taken.took_before)}};
}

json::object to_object(const summary_cell& one)
{
    json::array samples;
    for (const sample& taken : one.samples)
        samples.push_back(to_object(taken));
    return {{"system", one.system},
            {"median", to_value(one.median)},
            {"minimum", to_value(one.minimum)},
            {"ratio", to_value(one.ratio)},
            {"rate", to_value(one.rate)},
            {"noisy", one.noisy},
            {"failure", text_or_null(one.failure)},
            {"took", to_value(one.took())},
            {"took_before", to_value(one.took_before())},
            {"samples", std::move(samples)}};
}

json::object to_object(const summary_row& row)
{
    json::array cells;
    for (const summary_cell& one : row.cells)
        cells.push_back(to_object(one));
    return {{"name", row.name},
            {"operation", row.operation},
            {"unit", row.bytes ? "bytes" : "nanoseconds"},
            {"connections", row.connections},
            {"size", row.size},
            {"floor", to_value(row.floor)},
            {"storm", row.storm()},
            {"systems", std::move(cells)}};
}

json::object to_object(const summary_system& one)
{
    return {{"name", one.name},
            {"description", one.description},
            {"kind", one.floor ? "floor" : "server"},
            {"missing", text_or_null(one.missing)}};
}

std::string text_of(const json::value& of)
{
    return of.is_null() ? std::string() : std::string(of.as_string());
}

std::optional<double> number_of(const json::value& of)
{
    return of.is_null() ? std::nullopt : std::optional(of.to_number<double>());
}

std::optional<latency> latency_of(const json::value& of)
{
    if (of.is_null())
        return std::nullopt;
    latency took;
    for (std::size_t i = 0; i < took.at.size(); ++i)
        took.at[i] = of.as_array().at(i).to_number<double>();
    return took;
}

sample sample_of(const json::value& of)
{
    sample taken;
    taken.cost = of.at("cost").to_number<double>();
    taken.rate = of.at("rate").to_number<double>();
    taken.others = of.at("others").to_number<double>();
    taken.stolen = of.at("stolen").to_number<double>();
    taken.took = latency_of(of.at("took"));
    taken.took_before = latency_of(of.at("took_before"));
    return taken;
}

summary_cell cell_of(const json::value& of)
{
    summary_cell one;
    one.system = text_of(of.at("system"));
    one.median = number_of(of.at("median"));
    one.minimum = number_of(of.at("minimum"));
    one.ratio = number_of(of.at("ratio"));
    one.rate = number_of(of.at("rate"));
    one.noisy = of.at("noisy").as_bool();
    one.failure = text_of(of.at("failure"));
    for (const json::value& taken : of.at("samples").as_array())
        one.samples.push_back(sample_of(taken));
    return one;
}

summary_row row_of(const json::value& of)
{
    summary_row row;
    row.name = text_of(of.at("name"));
    row.operation = text_of(of.at("operation"));
    row.bytes = of.at("unit").as_string() == "bytes";
    row.connections = of.at("connections").to_number<unsigned>();
    row.size = of.at("size").to_number<std::size_t>();
    row.floor = number_of(of.at("floor"));
    for (const json::value& one : of.at("systems").as_array())
        row.cells.push_back(cell_of(one));
    return row;
}

void check_format(const json::value& of)
{
    const json::value* const named = of.is_object() ? of.as_object().if_contains("format") : nullptr;
    if (!named || *named != json::value(format))
        throw failure("this is no file of results");
    if (of.at("version").to_number<int>() != version)
        throw failure("this file of results is of version " + json::serialize(of.at("version")) +
                      ", which this program does not know");
    const json::array& shares = of.at("quantiles").as_array();
    if (!std::ranges::equal(shares, latency::shares, {},
                            [](const json::value& one) { return one.to_number<double>(); }))
        throw failure("this file of results has other quantiles of latency than this program");
}

summary summary_of(const json::value& of)
{
    check_format(of);
    const json::value& machine = of.at("machine");
    const json::value& method = of.at("method");
    summary made;
    made.made = text_of(of.at("made"));
    made.complete = of.at("complete").as_bool();
    made.processor = text_of(machine.at("processor"));
    made.processors = machine.at("processors").to_number<unsigned>();
    made.kernel = text_of(machine.at("kernel"));
    made.openssl = text_of(machine.at("openssl"));
    made.complaint = text_of(machine.at("complaint"));
    made.rounds = method.at("rounds").to_number<unsigned>();
    made.seconds = method.at("seconds").to_number<double>();
    if (const json::value* const threads = method.as_object().if_contains("threads"))
        made.threads = threads->to_number<unsigned>();
    if (const json::value* const rate = method.as_object().if_contains("rate"))
        made.rate = number_of(*rate).value_or(0);
    made.method = text_of(method.at("text"));
    for (const json::value& one : of.at("systems").as_array())
        made.systems.push_back({text_of(one.at("name")), text_of(one.at("description")),
                                one.at("kind").as_string() == "floor", text_of(one.at("missing"))});
    for (const json::value& one : of.at("scenarios").as_array())
        made.rows.push_back(row_of(one));
    return made;
}

}  // namespace

std::string to_json(const summary& of)
{
    json::array systems;
    for (const summary_system& one : of.systems)
        systems.push_back(to_object(one));
    json::array scenarios;
    for (const summary_row& row : of.rows)
        scenarios.push_back(to_object(row));
    const json::object report{{"format", format},
                              {"version", version},
                              {"made", of.made},
                              {"complete", of.complete},
                              {"machine",
                               {{"processor", of.processor},
                                {"processors", of.processors},
                                {"kernel", of.kernel},
                                {"openssl", of.openssl},
                                {"complaint", of.complaint}}},
                              {"method",
                               {{"rounds", of.rounds},
                                {"seconds", of.seconds},
                                {"threads", of.threads},
                                {"rate", of.rate > 0 ? json::value(of.rate) : json::value(nullptr)},
                                {"text", of.method}}},
                              {"quantiles", to_value(latency{latency::shares})},
                              {"systems", std::move(systems)},
                              {"scenarios", std::move(scenarios)}};
    return json::serialize(report) + "\n";
}

summary from_json(std::string_view text)
{
    boost::system::error_code error;
    const json::value parsed = json::parse(json::string_view(text.data(), text.size()), error);
    if (error)
        throw failure("this is no file of results: " + error.message());
    try {
        return summary_of(parsed);
    } catch (const boost::system::system_error& reason) {  // for numbers that do not fit
        throw failure("this file of results is damaged: " + reason.code().message());
    } catch (const std::logic_error& reason) {  // for keys and types that are not there
        throw failure(std::string("this file of results is damaged: ") + reason.what());
    }
}

}  // namespace bench
