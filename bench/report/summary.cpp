#include "bench/report/summary.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <thread>

#include <sys/utsname.h>

namespace bench {
namespace {

std::string processor_model()
{
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name") && line.find(": ") != line.npos)
            return line.substr(line.find(": ") + 2);
    return "unknown processor";
}

std::string now()
{
    const std::time_t seconds = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

std::string place_of(const results& all)
{
    const unsigned threads = all.options.threads;
    const processors& where = all.where;
    std::ostringstream text;
    text << (threads > 1 ? "servers with " + std::to_string(threads) + " threads" : "server");
    if (where.server < 0) {
        text << " and load generator on any processor";
        return text.str();
    }
    if (threads > 1) {
        text << (where.servers.size() > 1 ? " on processors" : " on processor");
        for (const int one : where.servers)
            text << (one == where.servers.front() ? " " : one == where.servers.back() ? " and " : ", ") << one;
        text << ", the floor with one thread";
    }
    text << " on processor " << where.server << ", load generator on " << where.generator;
    return text.str();
}

std::string method_of(const results& all)
{
    std::ostringstream text;
    text << all.options.rounds << " rounds of " << std::fixed << std::setprecision(2)
         << std::chrono::duration<double>(all.options.duration).count() << " s for each system, one after another";
    if (all.options.rate > 0)
        text << ", at " << std::defaultfloat << std::setprecision(10) << all.options.rate << " operations per second";
    return text.str() + "; " + place_of(all);
}

std::optional<latency> median_of(const std::vector<sample>& samples, std::optional<latency> sample::* member)
{
    latency medians;
    for (std::size_t i = 0; i < latency::shares.size(); ++i) {
        std::vector<double> values;
        for (const sample& one : samples)
            if (one.*member)
                values.push_back((one.*member)->at[i]);
        if (values.empty())
            return std::nullopt;
        std::ranges::sort(values);
        const std::size_t half = values.size() / 2;
        medians.at[i] = values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
    }
    return medians;
}

}  // namespace

std::optional<latency> summary_cell::took() const
{
    return median_of(samples, &sample::took);
}

std::optional<latency> summary_cell::took_before() const
{
    return median_of(samples, &sample::took_before);
}

const summary_cell* summary_row::find(std::string_view system) const noexcept
{
    const auto found = std::ranges::find(cells, system, &summary_cell::system);
    return found == cells.end() ? nullptr : &*found;
}

bool summary_row::storm() const noexcept
{
    return std::ranges::any_of(cells, [](const summary_cell& one) {
        return std::ranges::any_of(one.samples, [](const sample& taken) { return taken.took_before.has_value(); });
    });
}

std::string summary::machine() const
{
    return processor + " with " + std::to_string(processors) + " processors, Linux " + kernel + ", " + openssl;
}

summary_row summarize(const scenario_result& row)
{
    summary_row made;
    made.name = row.of->name;
    made.operation = row.of->operation;
    made.bytes = row.of->kind == scenario_kind::memory;
    made.connections = row.of->connections;
    made.size = row.of->size;
    made.floor = row.floor();
    for (const cell& one : row.cells) {
        summary_cell shown;
        shown.system = one.of->name;
        shown.samples = one.samples;
        shown.failure = one.failure;
        shown.median = one.median();
        shown.minimum = one.minimum();
        if (one.of->kind == system_kind::server)
            shown.ratio = row.ratio(one);
        if (const std::optional<double> rate = one.rate(); rate && *rate > 0)
            shown.rate = rate;
        shown.noisy = one.noisy();
        made.cells.push_back(std::move(shown));
    }
    return made;
}

summary summarize(const results& all)
{
    utsname system_name;
    uname(&system_name);
    summary made;
    made.made = now();
    made.processor = processor_model();
    made.processors = std::thread::hardware_concurrency();
    made.kernel = system_name.release;
    made.openssl = OpenSSL_version(OPENSSL_VERSION);
    made.method = method_of(all);
    made.rounds = all.options.rounds;
    made.seconds = std::chrono::duration<double>(all.options.duration).count();
    made.threads = all.options.threads;
    made.rate = all.options.rate;
    made.complaint = all.where.complaint;
    made.complete = all.complete();
    for (const system* one : all.options.systems) {
        made.systems.push_back({one->name, one->description, one->kind != system_kind::server, one->missing});
        made.complete = made.complete && one->missing.empty();
    }
    for (const scenario_result& row : all.scenarios)
        made.rows.push_back(summarize(row));
    return made;
}

}  // namespace bench
