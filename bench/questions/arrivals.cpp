#include "bench/questions/arrivals.hpp"

#include "bench/failure.hpp"
#include "bench/questions/crowd.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

namespace bench::questions {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = 60s;
constexpr auto longest_wait = 10ms;

}  // namespace

arrivals::arrivals(const target& to, double rate)
    : target_(to), interval_(std::llround(1e9 / rate)), thread_([this] { run(); })
{
}

arrivals::~arrivals()
{
    ends_ = true;
    if (thread_.joinable())
        thread_.join();
}

std::size_t arrivals::end()
{
    ends_ = true;
    thread_.join();
    if (failure_)
        std::rethrow_exception(failure_);
    return begun_;
}

void arrivals::run()
{
    try {
        run_clients();
    } catch (...) {
        failure_ = std::current_exception();
    }
}

void arrivals::run_clients()
{
    poller poll;
    crowd_count count;
    std::vector<std::unique_ptr<crowd_client>> clients;
    clock::time_point next = clock::now();
    clock::time_point news = next;
    poll.run([&]() -> std::optional<clock::time_point> {
        const auto first_gone =
            std::ranges::partition(clients, [](const auto& one) { return !one->finished(); }).begin();
        for (auto one = first_gone; one != clients.end(); ++one) {
            (*one)->end();
            news = clock::now();
        }
        clients.erase(first_gone, clients.end());
        done_ = count.finished;
        for (; !ends_ && next <= clock::now(); next += interval_, ++begun_)
            clients.push_back(std::make_unique<crowd_client>(poll, target_, count, true));
        if (clients.empty() && ends_)
            return std::nullopt;
        const clock::time_point now = clock::now();
        if (!clients.empty() && now - news > patience)
            throw failure("the server lets clients wait that shake hands");
        return std::min(next, now + longest_wait);
    });
}

}  // namespace bench::questions
