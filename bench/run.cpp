#include "bench/run.hpp"

#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/load/load.hpp"
#include "bench/served.hpp"
#include "bench/witness.hpp"

#include <cstdlib>
#include <map>
#include <thread>

#include <sys/resource.h>

namespace bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = 20s;

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
    const rlim_t needed = of.connections + 64;
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
    sample measure_memory(const scenario& of, const system& by);
    served& server_for(const system& of);

    results results_;
    credentials credentials_;
    openssl_ptr<SSL_CTX> context_;
    std::map<const system*, std::unique_ptr<served>> servers_;
};

/// Memory has no kernel part here: what the kernel keeps is not counted.
bool applies(const system& one, const scenario& to)
{
    return one.missing.empty() && (to.kind != scenario_kind::memory || one.kind != system_kind::tcp_floor);
}

unsigned rounds_of(const scenario& of, const run_options& options)
{
    return of.kind == scenario_kind::memory ? std::min(options.rounds, 2u) : options.rounds;
}

runner::runner(const run_options& options)
{
    results_.options = options;
    raise_descriptor_limit();
    context_ = make_client_context(credentials_.certificate_file());
    results_.where = choose_processors();
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

served& runner::server_for(const system& of)
{
    std::unique_ptr<served>& server = servers_[&of];
    if (!server)
        server = std::make_unique<served>(of, credentials_, results_.where.server);
    server->process().check_running();
    return *server;
}

sample runner::measure_in_memory(const scenario& of, const system& by)
{
    const auto duration = std::to_string(results_.options.duration.count());
    processors alone = results_.where;
    alone.generator = alone.server;
    const witness seen(alone);
    const std::chrono::nanoseconds before = children_time();
    process floor({"floor", std::string(of.name), duration, credentials_.certificate_file(), credentials_.key_file()},
                  results_.where.server);
    sample taken;
    const std::string text =
        floor.output(patience + std::chrono::ceil<std::chrono::seconds>(results_.options.duration));
    taken.cost = std::strtod(text.c_str(), nullptr);
    if (!(taken.cost > 0))
        throw failure(std::string(by.name) + " printed no figure");
    if (of.kind != scenario_kind::memory)
        seen.tell(taken, children_time() - before);
    return taken;
}

sample runner::measure_time(const scenario& of, const system& by)
{
    served& server = server_for(by);
    const bool tls = by.kind != system_kind::tcp_floor;
    load clients(of, {server.port(), tls ? context_.get() : nullptr});
    clients.open(patience);
    clients.run(results_.options.duration / 8);

    const witness seen(results_.where);
    const std::chrono::nanoseconds cpu = server.process().cpu_time();
    const double done = clients.done();
    const clock::time_point begin = clock::now();
    clients.run(results_.options.duration);
    const std::chrono::duration<double> wall = clock::now() - begin;
    const std::chrono::nanoseconds used = server.process().cpu_time() - cpu;
    const double operations = clients.done() - done;

    if (operations <= 0)
        throw failure("the server did not get one " + std::string(of.operation) + " done");
    sample taken;
    seen.tell(taken, used);
    taken.cost = static_cast<double>(used.count()) / operations;
    taken.rate = operations / wall.count();
    return taken;
}

/// A server that is fresh: what it kept from other scenarios would hide what connections cost.
sample runner::measure_memory(const scenario& of, const system& by)
{
    served server(by, credentials_, results_.where.server);
    scenario first = of;
    first.connections = 1;
    load one(first, {server.port(), context_.get()});
    one.open(patience);
    one.finish(patience);
    std::this_thread::sleep_for(50ms);
    const std::size_t before = server.process().memory();
    load clients(of, {server.port(), context_.get()});
    clients.open(patience);
    clients.finish(patience);
    std::this_thread::sleep_for(200ms);
    const std::size_t after = server.process().memory();
    sample taken;
    taken.cost = (static_cast<double>(after) - static_cast<double>(before)) / of.connections;
    return taken;
}

void runner::measure(const scenario& of, cell& into)
{
    try {
        check_descriptor_limit(of);
        if (into.of->kind == system_kind::memory_floor)
            into.samples.push_back(measure_in_memory(of, *into.of));
        else if (of.kind == scenario_kind::memory)
            into.samples.push_back(measure_memory(of, *into.of));
        else
            into.samples.push_back(measure_time(of, *into.of));
    } catch (const failure& reason) {
        into.failure = reason.what();
        servers_.erase(into.of);
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
