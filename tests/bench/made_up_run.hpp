#pragma once

#include "bench/results.hpp"

#include <initializer_list>
#include <string>
#include <vector>

/// Results that nobody measured: two parts of the floor and three servers, of which one has a name that wants to be markup, and one
/// could not be had.
struct made_up_run {
    static constexpr const char* hostile_name = "</script><b>|*x";

    bench::system memory{.name = "openssl", .description = "floor in memory", .kind = bench::system_kind::memory_floor};
    bench::system tcp{.name = "tcp", .description = "floor without TLS", .kind = bench::system_kind::tcp_floor};
    bench::system coil{.name = "coil", .description = "coil as it ships", .kind = bench::system_kind::server};
    bench::system hostile{.name = hostile_name, .description = "<i>\"&'", .kind = bench::system_kind::server};
    bench::system absent{.name = "absent",
                         .description = "not there",
                         .kind = bench::system_kind::server,
                         .missing = "its package is not installed"};

    bench::scenario echo{
        .name = "echo-64-1", .kind = bench::scenario_kind::echo, .connections = 1, .size = 64, .operation = "echo"};
    bench::scenario upload{.name = "upload-1",
                           .kind = bench::scenario_kind::upload,
                           .connections = 1,
                           .size = 1 << 26,
                           .operation = "MiB"};
    bench::scenario storm{
        .name = "storm", .kind = bench::scenario_kind::echo, .connections = 100, .size = 64, .operation = "reconnect"};
    bench::scenario idle{.name = "memory",
                         .kind = bench::scenario_kind::memory,
                         .connections = 1000,
                         .size = 64,
                         .operation = "connection"};

    bench::results all;

    made_up_run()
    {
        all.options.rounds = 4;
        all.options.systems = {&memory, &tcp, &coil, &hostile, &absent};
        all.options.scenarios = {&echo, &upload, &storm, &idle};
        all.where = {.server = 0, .generator = 1, .complaint = ""};
        all.scenarios = {echoes(), uploads(), reconnects(), connections()};
    }
    made_up_run(const made_up_run&) = delete;

    static std::vector<bench::sample> costs(std::initializer_list<double> nanoseconds)
    {
        std::vector<bench::sample> samples;
        for (const double cost : nanoseconds)
            samples.push_back({.cost = cost});
        return samples;
    }

    static bench::latency latency(double p99)
    {
        return {{p99 / 10, p99 / 5, p99 / 4, p99 / 3, p99 / 2, p99, p99 * 2, p99 * 3, p99 * 4}};
    }

    bench::scenario_result echoes()
    {
        bench::cell first{&coil, costs({6000, 6100, 6300, 6400}), ""};
        for (bench::sample& one : first.samples) {
            one.rate = 150'000;
            one.took = latency(40'000);
        }
        bench::cell second{&hostile, costs({9000, 9300, 9300, 9400}), ""};
        for (bench::sample& one : second.samples)
            one.others = 0.5;
        return {&echo, {{&memory, costs({1000}), ""}, {&tcp, costs({4000}), ""}, first, second}};
    }

    /// One server fails in its second round, the other at once.
    bench::scenario_result uploads()
    {
        return {&upload,
                {{&memory, costs({250'000}), ""},
                 {&tcp, costs({350'000}), ""},
                 {&coil, costs({540'000}), "the connection was reset"},
                 {&hostile, {}, "it does not <answer>"}}};
    }

    bench::scenario_result reconnects()
    {
        bench::cell only{&coil, costs({300'000, 310'000}), ""};
        for (bench::sample& one : only.samples) {
            one.rate = 2000;
            one.took_before = latency(200'000);
            one.took = latency(500'000);
        }
        return {&storm, {only}};
    }

    bench::scenario_result connections()
    {
        return {&idle, {{&memory, costs({10'240}), ""}, {&coil, costs({12'288, 12'288}), ""}}};
    }
};
