#pragma once

#include "bench/report/summary.hpp"

#include <string>
#include <string_view>

namespace bench {

/// Everything, with each sample. Keys and units:
///
///     format         "bench-results"
///     version        1; it grows when a key changes its meaning or goes, not when one is added
///     made           when, ISO 8601 in UTC
///     complete       whether everything that was asked for was measured
///     machine        {processor, processors, kernel, openssl, complaint}; complaint: what is wrong with the processors
///                    that were used, or ""
///     method         {rounds, seconds, threads, rate, text}; seconds: of one measurement; threads: of each server under
///                    test; rate: operations per second that were asked for, or null
///     quantiles      shares of all operations, to which the figures of `took` and `took_before` belong
///     systems        [{name, description, kind, missing}]; kind: "floor" or "server"; missing: a reason, or null
///     scenarios      [{name, operation, unit, connections, size, floor, storm, systems}]; unit: "nanoseconds" of server
///                    processor time, or "bytes", for each operation; floor: in that unit, or null
///     scenarios[].systems   [{system, median, minimum, ratio, rate, noisy, failure, took, took_before, samples}]
///                    ratio: median to floor, null for parts of the floor; rate: operations per second, or null;
///                    failure: a reason, or null; took, took_before: nanoseconds, medians over the samples, or null;
///                    a system that a scenario does not apply to is not in the list
///     samples        [{cost, rate, others, stolen, noisy, took, took_before}], one for each round; others, stolen: shares
///                    of the processors' time; rate 0: says nothing
std::string to_json(const summary& of);

/// Reads what `to_json` wrote; figures that follow from others are not made again.
/// Throws: `failure` with a line for people.
summary from_json(std::string_view text);

}  // namespace bench
