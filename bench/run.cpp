#include "bench/run.hpp"

#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/load/load.hpp"
#include "bench/progress.hpp"
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
    results take(const std::function<void(const results&, const scenario_result&)>& finished);

private:
    std::size_t count_steps() const;
    void measure(const scenario& of, cell& into);
    sample measure_in_memory(const scenario& of, const system& by);
    sample measure_time(const scenario& of, const system& by);
    sample measure_memory(const scenario& of, const system& by);
    served& server_for(const system& of);
    target target_of(const scenario& of, const system& by, const served& server);

    results results_;
    credentials credentials_;
    openssl_ptr<SSL_CTX> context_;
    std::map<const system*, std::unique_ptr<served>> servers_;
};

/// A system that does not speak what the scenario needs is left out of it. Memory has no kernel part here: what the kernel
/// keeps is not counted.
bool applies(const system& one, const scenario& to)
{
    return protocol_of(to.kind, one) && (to.kind != scenario_kind::memory || one.kind != system_kind::tcp_floor);
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
    results_.where = choose_processors(options.threads);
}

std::size_t runner::count_steps() const
{
    std::size_t steps = 0;
    for (const scenario* of : results_.options.scenarios)
        for (const system* by : results_.options.systems)
            steps += applies(*by, *of) ? rounds_of(*of, results_.options) : 0;
    return steps;
}

served& runner::server_for(const system& of)
{
    std::unique_ptr<served>& server = servers_[&of];
    if (!server)
        server = std::make_unique<served>(of, credentials_, results_.where, results_.options.threads);
    server->process().check_running();
    return *server;
}

target runner::target_of(const scenario& of, const system& by, const served& server)
{
    const protocol spoken = protocol_of(of.kind, by).value();
    return {port_of(spoken, server.port()), spoken, by.kind == system_kind::tcp_floor ? nullptr : context_.get()};
}

sample runner::measure_in_memory(const scenario& of, const system& by)
{
    const auto duration = std::to_string(results_.options.duration.count());
    processors alone = results_.where;
    if (alone.server >= 0)
        alone.servers = {alone.server};
    alone.generator = alone.server;
    const witness seen(alone);
    const std::chrono::nanoseconds before = children_time();
    process floor("the floor in memory",
                  this_program({"floor", std::string(of.name), duration, credentials_.certificate_file(),
                                credentials_.key_file()}),
                  alone.servers, process::output::kept);
    sample taken;
    const std::string text =
        floor.finish(patience + std::chrono::ceil<std::chrono::seconds>(results_.options.duration));
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
    load clients(of, target_of(of, by, server));
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
    served server(by, credentials_, results_.where, results_.options.threads);
    scenario first = of;
    first.connections = 1;
    load one(first, target_of(first, by, server));
    one.open(patience);
    one.finish(patience);
    std::this_thread::sleep_for(50ms);
    const std::size_t before = server.process().memory();
    load clients(of, target_of(of, by, server));
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
        if (!into.of->missing.empty())
            throw failure("cannot be had: " + into.of->missing);
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

results runner::take(const std::function<void(const results&, const scenario_result&)>& finished)
{
    progress shown(count_steps());
    for (const scenario* of : results_.options.scenarios) {
        scenario_result row{of, {}};
        for (const system* by : results_.options.systems)
            if (applies(*by, *of))
                row.cells.push_back({by, {}, {}});
        const unsigned rounds = rounds_of(*of, results_.options);
        for (unsigned round = 1; round <= rounds; ++round)
            for (cell& one : row.cells) {
                shown.show(std::string(of->name) + ", round " + std::to_string(round) + "/" + std::to_string(rounds) +
                           ", " + std::string(one.of->name));
                if (one.failure.empty())
                    measure(*of, one);
            }
        shown.clear();
        results_.scenarios.push_back(std::move(row));
        finished(results_, results_.scenarios.back());
    }
    return std::move(results_);
}

}  // namespace

results run(const run_options& options, const std::function<void(const results&, const scenario_result&)>& finished)
{
    return runner(options).take(finished);
}

}  // namespace bench
