#include "bench/run.hpp"

#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/load/load.hpp"
#include "bench/load/storm.hpp"
#include "bench/served.hpp"
#include "bench/witness.hpp"

#include <cstdlib>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <sys/resource.h>

namespace bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Of the echoes in a storm, per second.
constexpr double storm_rate = 5000;

void raise_descriptor_limit()
{
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void check_descriptor_limit(const scenario& of)
{
    rlimit limit;
    const rlim_t others = of.kind == scenario_kind::storm ? storm::connections + 64 : 64;
    const rlim_t needed = of.connections + others;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed)
        throw failure("needs " + std::to_string(needed) + " file descriptors, but only " +
                      std::to_string(limit.rlim_cur) + " are permitted (ulimit -n)");
}

class runner {
public:
    explicit runner(const run_options& options);
    results take(run_watcher& watcher);

private:
    std::chrono::nanoseconds expected() const;
    void make_step(const run_step& step, cell& into, run_watcher& watcher);
    void measure(const scenario& of, cell& into);
    sample measure_in_memory(const scenario& of, const system& by);
    sample measure_time(const scenario& of, const system& by);
    sample measure_storm(const scenario& of, const system& by);
    sample measure_memory(const scenario& of, const system& by);
    const credentials& credentials_for(key_type type);
    openssl_ptr<SSL_CTX> context_for(const scenario& of, const system& by);
    served& server_for(const scenario& of, const system& by);

    results results_;
    std::map<key_type, credentials> credentials_;
    std::map<std::pair<const system*, key_type>, std::unique_ptr<served>> servers_;
};

/// A system that does not speak what the scenario needs is left out of it. Memory has no kernel part here: what the kernel keeps is not counted. What a storm costs depends on how many of its
/// clients a server lets in beside the echoes, which no floor can know.
bool applies(const system& one, const scenario& to)
{
    if (!one.missing.empty() || !protocol_of(to.kind, one))
        return false;
    switch (to.kind) {
    case scenario_kind::memory: return one.kind != system_kind::tcp_floor;
    case scenario_kind::storm: return one.kind == system_kind::server;
    default: return true;
    }
}

target target_of(const scenario& of, const system& by, const served& server, SSL_CTX* context)
{
    const protocol spoken = protocol_of(of.kind, by).value();
    return {port_of(spoken, server.port()), spoken, context, &of};
}

std::optional<latency> latency_of(load& clients)
{
    if (clients.took().count() == 0)
        return std::nullopt;
    return latency{clients.took().at(latency::shares)};
}

unsigned rounds_of(const scenario& of, const run_options& options)
{
    return of.kind == scenario_kind::memory ? std::min(options.rounds, 2u) : options.rounds;
}

runner::runner(const run_options& options)
{
    results_.options = options;
    raise_descriptor_limit();
    results_.where = choose_processors(options.threads);
}

/// Of one step: connections that are to stay open are opened one after another.
std::chrono::nanoseconds expected_time(const scenario& of, const run_options& options)
{
    if (of.kind == scenario_kind::memory)
        return 300ms + of.connections * 700us;
    return options.duration + options.duration / 8 + 100ms;
}

std::chrono::nanoseconds runner::expected() const
{
    std::chrono::nanoseconds time{};
    for (const scenario* of : results_.options.scenarios)
        for (const system* by : results_.options.systems)
            if (applies(*by, *of))
                time += rounds_of(*of, results_.options) * expected_time(*of, results_.options);
    return time;
}

const credentials& runner::credentials_for(key_type type)
{
    return credentials_.try_emplace(type, type).first->second;
}

/// @return null for servers that speak no TLS.
openssl_ptr<SSL_CTX> runner::context_for(const scenario& of, const system& by)
{
    return by.kind == system_kind::tcp_floor ? nullptr
                                             : make_client_context(of, credentials_for(of.key).certificate_file());
}

served& runner::server_for(const scenario& of, const system& by)
{
    const key_type key = by.kind == system_kind::tcp_floor ? key_type::ecdsa_p256 : of.key;
    std::unique_ptr<served>& server = servers_[{&by, key}];
    if (!server)
        server = std::make_unique<served>(by, credentials_for(key), results_.where, results_.options.threads);
    server->process().check_running();
    return *server;
}

sample runner::measure_in_memory(const scenario& of, const system& by)
{
    const credentials& with = credentials_for(of.key);
    processors alone = first_of(results_.where);
    alone.generator = alone.server;
    const witness seen(alone);
    const std::chrono::nanoseconds before = children_time();
    process floor(
        "the floor in memory",
        this_program({"floor", std::string(of.name), std::to_string(of.connections),
                      std::to_string(results_.options.duration.count()), with.certificate_file(), with.key_file()}),
        alone.servers, process::output::kept);
    sample taken;
    const std::string text = floor.finish(60s + std::chrono::ceil<std::chrono::seconds>(results_.options.duration));
    taken.cost = std::strtod(text.c_str(), nullptr);
    if (!(taken.cost > 0))
        throw failure(by.name + " printed no figure");
    if (of.kind != scenario_kind::memory)
        seen.tell(taken, children_time() - before);
    return taken;
}

sample runner::measure_time(const scenario& of, const system& by)
{
    const run_options& options = results_.options;
    served& server = server_for(of, by);
    const openssl_ptr<SSL_CTX> context = context_for(of, by);
    load clients(of, target_of(of, by, server, context.get()), options.rate, options.patience);
    clients.open();
    clients.run(options.duration / 8);
    clients.took().forget();

    const witness seen(server.where());
    const std::chrono::nanoseconds cpu = server.process().cpu_time();
    const double done = clients.done();
    const clock::time_point begin = clock::now();
    clients.run(options.duration);
    const std::chrono::duration<double> wall = clock::now() - begin;
    const std::chrono::nanoseconds used = server.process().cpu_time() - cpu;
    const double operations = clients.done() - done;

    server.process().check_running();
    if (operations <= 0)
        throw failure("the server did not get one " + std::string(of.operation) + " done");
    sample taken;
    seen.tell(taken, used);
    taken.cost = static_cast<double>(used.count()) / operations;
    taken.rate = operations / wall.count();
    taken.took = latency_of(clients);
    return taken;
}

/// The echoes go on in this thread, before the storm and in it. Their share of the processor time is in its cost.
sample runner::measure_storm(const scenario& of, const system& by)
{
    const run_options& options = results_.options;
    served& server = server_for(of, by);
    const openssl_ptr<SSL_CTX> context = context_for(of, by);
    const target to = target_of(of, by, server, context.get());
    load echoes(of, to, options.rate > 0 ? options.rate : storm_rate, options.patience);
    echoes.open();
    echoes.run(options.duration / 8);
    echoes.took().forget();
    echoes.run(options.duration);
    sample taken;
    taken.took_before = latency_of(echoes);

    storm reconnects(of, to);
    const clock::time_point deadline = clock::now() + options.patience;
    while (reconnects.done() == 0 && clock::now() < deadline)
        echoes.run(options.duration / 8);
    echoes.took().forget();
    const witness seen(server.where());
    const std::chrono::nanoseconds cpu = server.process().cpu_time();
    const std::size_t done = reconnects.done();
    const clock::time_point begin = clock::now();
    do
        echoes.run(options.duration);
    while (reconnects.done() == done && clock::now() < deadline);
    const std::chrono::duration<double> wall = clock::now() - begin;
    const std::chrono::nanoseconds used = server.process().cpu_time() - cpu;
    const auto operations = static_cast<double>(reconnects.done() - done);
    reconnects.end();

    server.process().check_running();
    if (operations <= 0)
        throw failure("the server did not get one " + std::string(of.operation) + " done");
    seen.tell(taken, used);
    taken.cost = static_cast<double>(used.count()) / operations;
    taken.rate = operations / wall.count();
    taken.took = latency_of(echoes);
    return taken;
}

/// A server that is fresh: what it kept from other scenarios would hide what connections cost.
sample runner::measure_memory(const scenario& of, const system& by)
{
    const openssl_ptr<SSL_CTX> context = context_for(of, by);
    served server(by, credentials_for(of.key), results_.where, results_.options.threads);
    scenario first = of;
    first.connections = 1;
    const target to = target_of(of, by, server, context.get());
    load one(first, to, 0, results_.options.patience);
    one.open();
    one.finish();
    std::this_thread::sleep_for(50ms);
    const std::size_t before = server.process().memory();
    load clients(of, to, 0, results_.options.patience + of.connections * 10ms);
    clients.open();
    clients.finish();
    std::this_thread::sleep_for(200ms);
    const std::size_t after = server.process().memory();
    sample taken;
    taken.cost = (static_cast<double>(after) - static_cast<double>(before)) / of.connections;
    return taken;
}

void runner::measure(const scenario& of, cell& into)
{
    try {
        if (into.of->kind == system_kind::memory_floor) {
            into.samples.push_back(measure_in_memory(of, *into.of));
            return;
        }
        check_descriptor_limit(of);
        if (of.kind == scenario_kind::memory)
            into.samples.push_back(measure_memory(of, *into.of));
        else if (of.kind == scenario_kind::storm)
            into.samples.push_back(measure_storm(of, *into.of));
        else
            into.samples.push_back(measure_time(of, *into.of));
    } catch (const failure& reason) {
        into.failure = reason.what();
        servers_.erase({into.of, of.key});
    }
}

void runner::make_step(const run_step& step, cell& into, run_watcher& watcher)
{
    if (!into.failure.empty()) {
        watcher.skip_step(step);
        return;
    }
    watcher.begin_step(step);
    measure(*step.row->of, into);
    watcher.end_step(step);
}

results runner::take(run_watcher& watcher)
{
    watcher.begin(results_.options.scenarios.size(), expected());
    for (const scenario* of : results_.options.scenarios) {
        scenario_result row{of, {}};
        for (const system* by : results_.options.systems)
            if (applies(*by, *of))
                row.cells.push_back({by, {}, {}});
        const unsigned rounds = rounds_of(*of, results_.options);
        for (unsigned round = 1; round <= rounds; ++round)
            for (cell& one : row.cells)
                make_step({&row, &one, round, rounds, expected_time(*of, results_.options)}, one, watcher);
        watcher.finish(row);
        results_.scenarios.push_back(std::move(row));
    }
    return std::move(results_);
}

}  // namespace

results run(const run_options& options, run_watcher& watcher)
{
    return runner(options).take(watcher);
}

}  // namespace bench
