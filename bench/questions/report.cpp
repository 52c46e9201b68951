#include "bench/questions/report.hpp"

#include "bench/report/figures.hpp"
#include "bench/report/table.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

namespace bench::questions {
namespace {

namespace json = boost::json;

constexpr std::size_t columns = 120;
constexpr std::size_t p50 = 0, p99 = 1, p999 = 2;

/// None without values.
using figure = std::optional<double>;

figure median(std::vector<double> values)
{
    if (values.empty())
        return std::nullopt;
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// The median of what `of` makes of each round.
template <class Round>
figure median_of(const measured<Round>& row, const std::function<double(const Round&)>& of)
{
    std::vector<double> values;
    for (const Round& one : row.rounds)
        values.push_back(of(one));
    return median(std::move(values));
}

/// The median of what `of` makes of each round and the one without a handler beside it.
template <class Round>
figure median_against(const measured<Round>& row, const measured<Round>& without,
                      const std::function<double(const Round&, const Round&)>& of)
{
    std::vector<double> values;
    for (std::size_t i = 0; i < std::min(row.rounds.size(), without.rounds.size()); ++i)
        values.push_back(of(row.rounds[i], without.rounds[i]));
    return median(std::move(values));
}

std::string text_of(figure value, const std::function<std::string(double)>& form)
{
    return value ? form(*value) : "-";
}

std::string signed_text(double value, const std::function<std::string(double)>& form)
{
    return (value < 0 ? "-" : "+") + form(std::abs(value));
}

table_cell cell_of(figure value, const std::function<std::string(double)>& form)
{
    return {.text = text_of(value, form)};
}

/// Against the row without a handler, which has none.
table_cell difference_of(bool is_first, figure value, const std::function<std::string(double)>& form)
{
    return is_first ? table_cell() : cell_of(value, [&](double one) { return signed_text(one, form); });
}

table_cell verdict_of(bool is_first, figure value, double most)
{
    return is_first || !value ? table_cell() : table_cell{.text = *value <= most ? "met" : "missed"};
}

template <class Round>
table_cell name_of(const measured<Round>& row)
{
    return {.text = row.of.name, .failed = !row.failure.empty()};
}

std::string milliseconds_text(double milliseconds)
{
    return duration_text(milliseconds * 1e6);
}

table time_table(const std::vector<measured<time_round>>& rows, const questions_options& options)
{
    table made;
    made.title = std::to_string(options.handshakes) + " handshakes begun at once";
    made.note = "Until the last has ended, with the least and the most of all rounds; how much longer than without a "
                "handler, and for how long handlers wait in one handshake; the server's processor time for one.";
    made.head = {"handlers that wait", "ended after", "longer by", "wait in turn", "processor", "more by", "ratio"};
    const measured<time_round>& without = rows.front();
    for (const measured<time_round>& row : rows) {
        const bool is_first = &row == &without;
        const auto seconds = [](const time_round& one) { return one.seconds * 1e9; };
        const auto processor = [](const time_round& one) { return one.cpu_nanoseconds; };
        table_cell all = cell_of(median_of<time_round>(row, seconds), duration_text);
        if (!row.rounds.empty()) {
            const auto [least, most] = std::ranges::minmax(row.rounds, {}, &time_round::seconds);
            all.aside = duration_text(least.seconds * 1e9) + " to " + duration_text(most.seconds * 1e9);
        }
        const auto wait = static_cast<double>(options.wait.count()) * static_cast<double>(row.of.asked.size());
        made.rows.push_back(
            {name_of(row), std::move(all),
             difference_of(is_first,
                           median_against<time_round>(
                               row, without, [&](const auto& a, const auto& b) { return seconds(a) - seconds(b); }),
                           duration_text),
             is_first ? table_cell() : table_cell{.text = milliseconds_text(wait)},
             cell_of(median_of<time_round>(row, processor), duration_text),
             difference_of(is_first,
                           median_against<time_round>(
                               row, without, [&](const auto& a, const auto& b) { return processor(a) - processor(b); }),
                           duration_text),
             is_first
                 ? table_cell()
                 : cell_of(median_against<time_round>(
                               row, without, [&](const auto& a, const auto& b) { return processor(a) / processor(b); }),
                           ratio_text)});
    }
    return made;
}

figure more_bytes(const measured<memory_round>& row, const measured<memory_round>& without)
{
    return median_against<memory_round>(row, without,
                                        [](const auto& a, const auto& b) { return a.waiting - b.waiting; });
}

table memory_table(const std::vector<measured<memory_round>>& rows, const questions_options& options)
{
    table made;
    made.title = "Memory of a handshake, of " + std::to_string(options.handshakes) + " that wait at once";
    made.note =
        "Beside those that wait in a question one that waits for its client, which has said hello and reads nothing. "
        "Aimed at: at most " +
        bytes_text(most_bytes_more) + " more.";
    made.head = {"handlers that wait", "waiting", "more by", "aim", "kept at the end", "of it in use"};
    for (const measured<memory_round>& row : rows) {
        const bool is_first = &row == &rows.front();
        const figure more = more_bytes(row, rows.front());
        made.rows.push_back(
            {name_of(row),
             cell_of(median_of<memory_round>(row, [](const memory_round& one) { return one.waiting; }), bytes_text),
             difference_of(is_first, more, bytes_text), verdict_of(is_first, more, most_bytes_more),
             cell_of(median_of<memory_round>(row, [](const memory_round& one) { return one.kept; }), bytes_text),
             cell_of(median_of<memory_round>(row, [](const memory_round& one) { return one.left; }), bytes_text)});
    }
    return made;
}

figure growth(const measured<others_round>& row, const measured<others_round>& without, std::size_t quantile)
{
    return median_against<others_round>(
        row, without, [quantile](const auto& a, const auto& b) { return a.took[quantile] / b.took[quantile]; });
}

table others_table(const std::vector<measured<others_round>>& rows, std::string title, std::string first_name)
{
    table made;
    made.title = std::move(title);
    made.note = "Ratios are medians of those of the rounds. Aimed at: the p99 grows by less than 10 %.";
    made.head = {"handlers that wait", "p50", "ratio", "p99", "ratio", "aim", "p99.9", "ratio", "handshakes/s"};
    const measured<others_round>& without = rows.front();
    for (const measured<others_round>& row : rows) {
        const bool is_first = &row == &without;
        std::vector<table_cell> cells{name_of(row)};
        if (is_first)
            cells.front().text = first_name;
        for (const std::size_t quantile : {p50, p99, p999}) {
            cells.push_back(
                cell_of(median_of<others_round>(row, [&](const others_round& one) { return one.took[quantile]; }),
                        duration_text));
            cells.push_back(is_first ? table_cell() : cell_of(growth(row, without, quantile), ratio_text));
            if (quantile == p99)
                cells.push_back(verdict_of(is_first, growth(row, without, p99), most_growth));
        }
        const figure handshakes = median_of<others_round>(row, [](const others_round& one) { return one.handshakes; });
        cells.push_back(handshakes.value_or(0) > 0 ? cell_of(handshakes, count_text) : table_cell());
        made.rows.push_back(std::move(cells));
    }
    return made;
}

json::value to_value(figure number)
{
    return number ? json::value(*number) : json::value(nullptr);
}

json::object to_object(const asked_counts& asked)
{
    json::object made;
    for (std::size_t i = 0; i < asked.size(); ++i)
        made[question_table()[i].name] = asked[i];
    return made;
}

json::object to_object(const time_round& one)
{
    return {{"seconds", one.seconds}, {"cpu_nanoseconds", one.cpu_nanoseconds}, {"asked", to_object(one.asked)}};
}

json::object to_object(const memory_round& one)
{
    return {{"waiting_bytes", one.waiting},
            {"kept_bytes", one.kept},
            {"left_bytes", one.left},
            {"asked", to_object(one.asked)}};
}

json::object to_object(const others_round& one)
{
    return {{"p50", one.took[p50]},
            {"p99", one.took[p99]},
            {"p99.9", one.took[p999]},
            {"handshakes_per_second", one.handshakes},
            {"asked", to_object(one.asked)}};
}

/// @param against  the key of a figure that is made of a row and the first one.
template <class Round>
json::array to_array(const std::vector<measured<Round>>& rows, const char* against,
                     const std::function<figure(const measured<Round>&, const measured<Round>&)>& of)
{
    json::array all;
    for (const measured<Round>& row : rows) {
        json::array rounds;
        for (const Round& one : row.rounds)
            rounds.push_back(to_object(one));
        all.push_back(json::object{{"handlers", row.of.name},
                                   {against, to_value(of(row, rows.front()))},
                                   {"failure", row.failure.empty() ? json::value(nullptr) : json::value(row.failure)},
                                   {"rounds", std::move(rounds)}});
    }
    return all;
}

}  // namespace

std::string to_text(const findings& found, const questions_options& options)
{
    std::vector<table> tables;
    if (!found.time.empty())
        tables.push_back(time_table(found.time, options));
    if (!found.memory.empty())
        tables.push_back(memory_table(found.memory, options));
    if (!found.arrivals.empty())
        tables.push_back(others_table(
            found.arrivals, "Echoes of others while " + count_text(options.arrivals) + " handshakes arrive per second",
            "no handler"));
    if (!found.parked.empty())
        tables.push_back(others_table(found.parked,
                                      "Echoes of others while " + std::to_string(options.handshakes) +
                                          " handshakes wait in a question",
                                      "none: idle connections"));
    std::string text;
    for (const table& one : tables)
        text += bench::to_text(one, columns) + "\n";
    return text + "Other programs had " + count_text(100 * found.others_share) + " % of the processors meanwhile.\n";
}

std::string to_json(const findings& found, const questions_options& options)
{
    const auto longer = [](const measured<time_round>& row, const measured<time_round>& without) {
        return median_against<time_round>(row, without,
                                          [](const auto& a, const auto& b) { return a.seconds - b.seconds; });
    };
    const auto p99_growth = [](const measured<others_round>& row, const measured<others_round>& without) {
        return growth(row, without, p99);
    };
    return json::serialize(json::object{
               {"handshakes", options.handshakes},
               {"wait_milliseconds", options.wait.count()},
               {"others_share", found.others_share},
               {"time", to_array<time_round>(found.time, "longer_by_seconds", longer)},
               {"memory", to_array<memory_round>(found.memory, "more_bytes", more_bytes)},
               {"arrivals", to_array<others_round>(found.arrivals, "p99_growth", p99_growth)},
               {"parked", to_array<others_round>(found.parked, "p99_growth", p99_growth)},
           }) +
           "\n";
}

}  // namespace bench::questions
