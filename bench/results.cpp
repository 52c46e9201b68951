#include "bench/results.hpp"

#include <algorithm>
#include <map>

namespace bench {
namespace {

std::optional<double> median_of(std::vector<double> values)
{
    if (values.empty())
        return std::nullopt;
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<double> values_of(const std::vector<sample>& samples, double sample::* member)
{
    std::vector<double> values;
    for (const sample& one : samples)
        values.push_back(one.*member);
    return values;
}

}  // namespace

std::optional<double> cell::median() const
{
    return median_of(values_of(samples, &sample::cost));
}

std::optional<double> cell::minimum() const
{
    const std::vector<double> values = values_of(samples, &sample::cost);
    return values.empty() ? std::nullopt : std::optional(*std::ranges::min_element(values));
}

std::optional<double> cell::rate() const
{
    return median_of(values_of(samples, &sample::rate));
}

bool cell::noisy() const
{
    return std::ranges::count_if(samples, &sample::noisy) * 2 > std::ssize(samples);
}

std::optional<double> scenario_result::floor() const
{
    std::map<system_kind, std::optional<double>> parts;
    for (const cell& one : cells) {
        if (one.of->kind == system_kind::server)
            continue;
        std::optional<double>& part = parts[one.of->kind];
        const std::optional<double> median = one.median();
        if (median && (!part || *median < *part))
            part = median;
    }
    double sum = 0;
    for (const auto& [kind, part] : parts) {
        if (!part)
            return std::nullopt;
        sum += *part;
    }
    return sum;
}

std::optional<double> scenario_result::ratio(const cell& one) const
{
    const std::optional<double> value = one.median();
    const std::optional<double> lowest = floor();
    if (!value || !lowest || *lowest <= 0)
        return std::nullopt;
    return *value / *lowest;
}

bool results::complete() const
{
    for (const scenario_result& row : scenarios)
        for (const cell& one : row.cells)
            if (!one.failure.empty() || one.samples.empty())
                return false;
    return scenarios.size() == options.scenarios.size();
}

}  // namespace bench
