#include "bench/questions/run.hpp"

#include "bench/failure.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

#include <sys/resource.h>
#include <unistd.h>

namespace bench::questions {
namespace {

/// Of this process and of the servers that have ended.
std::chrono::nanoseconds own_processor_time()
{
    std::chrono::nanoseconds sum{};
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage use = {};
        getrusage(who, &use);
        for (const timeval& one : {use.ru_utime, use.ru_stime})
            sum += std::chrono::seconds(one.tv_sec) + std::chrono::microseconds(one.tv_usec);
    }
    return sum;
}

/// What the processors do while it is there.
class processor_watch {
public:
    explicit processor_watch(const processors& where)
        : where_(&where), first_(read_use(where)), own_(own_processor_time()), began_(std::chrono::steady_clock::now())
    {
    }

    double others_share() const
    {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
        const std::chrono::duration<double> busy = read_use(*where_).busy - first_.busy;
        const std::chrono::duration<double> own = own_processor_time() - own_;
        const double count = where_->server < 0
                                 ? static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN))
                                 : static_cast<double>(where_->servers.size()) + (where_->generator != where_->server);
        return std::max((busy - own) / (passed * count), 0.0);
    }

private:
    const processors* where_;
    processor_use first_;
    std::chrono::nanoseconds own_;
    std::chrono::steady_clock::time_point began_;
};

/// A line of a terminal that changes; elsewhere a line for each measurement.
class progress {
public:
    ~progress()
    {
        if (terminal_)
            std::cerr << "\r\033[K" << std::flush;
    }
    void tell(const std::string& what)
    {
        std::cerr << (terminal_ ? "\r\033[K" : "") << what << (terminal_ ? "" : "\n") << std::flush;
    }

private:
    bool terminal_ = isatty(STDERR_FILENO) != 0;
};

/// Rounds are interleaved, A B C A B C, so that a change of the machine hits all rows.
template <class Round>
std::vector<measured<Round>> measure_rows(std::string_view what, const std::vector<row>& rows, unsigned rounds,
                                          const std::function<Round(const row&)>& measure)
{
    std::vector<measured<Round>> all;
    for (const row& one : rows)
        all.push_back({one, {}, {}});
    progress shown;
    for (unsigned round = 1; round <= rounds; ++round)
        for (measured<Round>& one : all) {
            if (!one.failure.empty())
                continue;
            shown.tell(std::string(what) + ", " + one.of.name + ", round " + std::to_string(round) + " of " +
                       std::to_string(rounds));
            try {
                one.rounds.push_back(measure(one.of));
            } catch (const failure& reason) {
                one.failure = reason.what();
            }
        }
    return all;
}

}  // namespace

findings run(const questions_options& options)
{
    const measurement measuring(options);
    if (!measuring.where().complaint.empty())
        std::cerr << "questions: " << measuring.where().complaint << "\n";
    const processor_watch watch(measuring.where());
    const std::vector<row> rows = rows_of(options.questions);
    // A handshake that is held waits in one question, so that all in turn would be the first of them once more.
    std::vector<row> one_each = rows;
    std::erase_if(one_each, [](const row& one) { return one.asked.size() > 1; });
    std::vector<row> none_and_all{rows.front(), rows.back()};
    findings found;
    if (options.parts.contains(part::time))
        found.time = measure_rows<time_round>("time", rows, options.rounds,
                                              [&](const row& one) { return measuring.measure_time(one); });
    if (options.parts.contains(part::memory))
        found.memory = measure_rows<memory_round>("memory", one_each, std::min(options.rounds, most_memory_rounds),
                                                  [&](const row& one) { return measuring.measure_memory(one); });
    if (options.parts.contains(part::others)) {
        found.arrivals = measure_rows<others_round>("arrivals", none_and_all, options.rounds,
                                                    [&](const row& one) { return measuring.measure_arrivals(one); });
        found.parked = measure_rows<others_round>("a waiting crowd", one_each, options.rounds,
                                                  [&](const row& one) { return measuring.measure_parked(one); });
    }
    found.others_share = watch.others_share();
    return found;
}

}  // namespace bench::questions
