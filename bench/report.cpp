#include "bench/report.hpp"

#include <openssl/crypto.h>

#include <cstdio>
#include <fstream>

#include <sys/utsname.h>

namespace bench {
namespace {

template <class... T>
std::string format(const char* pattern, T... values)
{
    char text[256];
    std::snprintf(text, sizeof text, pattern, values...);
    return text;
}

std::string cost_text(const scenario& of, std::optional<double> cost)
{
    if (!cost)
        return "-";
    if (of.kind == scenario_kind::memory)
        return format("%.1f KiB", *cost / 1024);
    return format(*cost < 100'000 ? "%.2f us" : "%.0f us", *cost / 1000);
}

std::string ratio_text(std::optional<double> ratio)
{
    return ratio ? format("%.2f", *ratio) : "-";
}

std::string text_line(const scenario& of, std::string_view name, std::optional<double> median,
                      std::optional<double> minimum, std::optional<double> ratio, std::optional<double> rate)
{
    const std::string per_second = rate && *rate > 0 ? format("%.0f", *rate) : "";
    return format("  %-20s %12s %12s %8s %12s", std::string(name).c_str(), cost_text(of, median).c_str(),
                  cost_text(of, minimum).c_str(), ratio_text(ratio).c_str(), per_second.c_str());
}

std::string markdown_cell(const scenario_result& row, const system& by)
{
    for (const cell& one : row.cells)
        if (one.of == &by) {
            if (one.samples.empty())
                return "failed";
            std::string text = cost_text(*row.of, one.median());
            if (by.kind == system_kind::server)
                text += " (" + ratio_text(row.ratio(one)) + ")";
            return text + (one.noisy() ? " ~" : "");
        }
    return "";
}

}  // namespace

std::string describe_machine()
{
    std::string model = "unknown processor";
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name")) {
            model = line.substr(line.find(':') + 2);
            break;
        }
    utsname kernel;
    uname(&kernel);
    return model + ", Linux " + kernel.release + ", " + OpenSSL_version(OPENSSL_VERSION);
}

std::string describe_method(const results& of)
{
    const double seconds = std::chrono::duration<double>(of.options.duration).count();
    return format("%u rounds of %.2f s, TLS 1.3, ECDSA P-256; server on processor %d, load generator on %d",
                  of.options.rounds, seconds, of.where.server, of.where.generator);
}

std::string to_text(const scenario_result& row)
{
    std::string text = format("\n%-22s %12s %12s %8s %12s\n", std::string(row.of->name).c_str(),
                              ("per " + std::string(row.of->operation)).c_str(), "minimum", "ratio", "per second");
    for (const cell& one : row.cells) {
        const bool server = one.of->kind == system_kind::server;
        text += text_line(*row.of, one.of->name, one.median(), one.minimum(), server ? row.ratio(one) : std::nullopt,
                          one.rate());
        text += one.noisy() ? "  ~ noisy\n" : "\n";
        if (!one.failure.empty())
            text += "    " + std::string(one.of->name) + ": " + one.failure + "\n";
        if (one.of->kind != system_kind::server &&
            (&one == &row.cells.back() || (&one + 1)->of->kind == system_kind::server))
            text += text_line(*row.of, "= floor", row.floor(), std::nullopt,
                              row.floor() ? std::optional(1.0) : std::nullopt, std::nullopt) +
                    "\n";
    }
    return text;
}

std::string to_markdown(const results& all)
{
    std::string text = describe_machine() + ". " + describe_method(all) + ".\n\n| scenario | floor |";
    std::string rule = "|---|---|";
    for (const system* by : all.options.systems) {
        text += " " + std::string(by->name) + " |";
        rule += "---|";
    }
    text += "\n" + rule + "\n";
    for (const scenario_result& row : all.scenarios) {
        text += "| " + std::string(row.of->name) + ", per " + std::string(row.of->operation) + " | " +
                cost_text(*row.of, row.floor()) + " |";
        for (const system* by : all.options.systems)
            text += " " + markdown_cell(row, *by) + " |";
        text += "\n";
    }
    text += "\nMedians of server processor time; in brackets the ratio to the floor; ~ marks noisy measurements.\n";
    return text;
}

}  // namespace bench
