#include "bench/load/load.hpp"

#include "bench/failure.hpp"
#include "bench/load/exchange_session.hpp"
#include "bench/load/reconnecting_session.hpp"
#include "bench/load/transfer_session.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

/// So that a server with a short queue does not turn connections away.
constexpr std::size_t opened_at_once = 64;

/// @return until when to wait: none if it is done or too late.
std::optional<clock::time_point> unless(bool done, clock::time_point deadline)
{
    return done || clock::now() >= deadline ? std::nullopt : std::optional(deadline);
}

/// What clients send at a time; empty if they send nothing.
std::span<const std::byte> request_of(const scenario& of, protocol spoken)
{
    if (of.size > 0 && spoken == protocol::http)
        return std::as_bytes(std::span(http_request));
    return pattern().first(std::min(of.size, write_size));
}

}  // namespace

load::load(const scenario& of, const target& to, double rate, std::chrono::milliseconds patience)
    : scenario_(of), target_(to), rate_(rate), patience_(patience)
{
}

std::unique_ptr<session> load::make_session(starts& when)
{
    using enum reconnecting_session::ending;
    const std::span<const std::byte> request = request_of(scenario_, target_.speaks);
    switch (scenario_.kind) {
    case scenario_kind::echo:
    case scenario_kind::http:
    case scenario_kind::storm:
        return std::make_unique<exchange_session>(poll_, target_, exchange{request}, when, count_);
    case scenario_kind::memory:
        return std::make_unique<exchange_session>(
            poll_, target_, exchange{request, request.empty() ? std::size_t{0} : 1}, when, count_);
    case scenario_kind::handshake:
    case scenario_kind::churn:
        return std::make_unique<reconnecting_session>(poll_, target_, request, orderly, when, count_);
    case scenario_kind::reset:
        return std::make_unique<reconnecting_session>(poll_, target_, request, reset, when, count_);
    case scenario_kind::download:
        return std::make_unique<transfer_session>(poll_, target_, transfer_session::direction::download, scenario_.size,
                                                  count_);
    case scenario_kind::upload:
        return std::make_unique<transfer_session>(poll_, target_, transfer_session::direction::upload, scenario_.size,
                                                  count_);
    }
    throw failure("no such scenario");
}

void load::open()
{
    const clock::time_point deadline = clock::now() + patience_;
    while (sessions_.size() < scenario_.connections) {
        for (std::size_t i = 0; i < opened_at_once && sessions_.size() < scenario_.connections; ++i)
            sessions_.push_back(make_session(starts_.emplace_back(count_, rate_ > 0)));
        poll_.run([&] { return unless(count_.open >= sessions_.size(), deadline); });
        if (count_.open < sessions_.size())
            throw failure("the server accepted " + std::to_string(count_.open) + " of " +
                          std::to_string(sessions_.size()) + " connections in time");
    }
    count_.took.forget();
}

void load::run(std::chrono::nanoseconds duration)
{
    if (rate_ > 0)
        return run_at_rate(duration);
    count_.transfers_may_begin = true;
    if (scenario_.transfers())
        for (const std::unique_ptr<session>& one : sessions_)
            one->ready();
    const clock::time_point deadline = clock::now() + duration;
    poll_.run([&] { return unless(false, deadline); });
    end_transfers();
}

void load::end_transfers()
{
    count_.transfers_may_begin = false;
    const clock::time_point deadline = clock::now() + patience_;
    poll_.run([&] { return unless(count_.transfers == 0, deadline); });
    if (count_.transfers != 0)
        throw failure("the server did not end " + std::to_string(count_.transfers) + " transfers in time");
}

/// Operation k is client k % n's. The clients know when theirs are due; here they are only woken at the right time.
void load::run_at_rate(std::chrono::nanoseconds duration)
{
    const std::size_t clients = sessions_.size();
    const auto interval = std::chrono::nanoseconds(std::llround(1e9 / rate_));
    const auto operations = static_cast<std::size_t>(std::max<std::int64_t>(duration / interval, 1));
    const std::size_t before = count_.took.count();
    const clock::time_point first = clock::now();
    const auto due = [&](std::size_t k) { return first + static_cast<std::int64_t>(k) * interval; };
    for (std::size_t i = 0; i < clients; ++i)
        starts_[i].schedule(due(i), due(i + clients) - due(i), (operations + clients - 1 - i) / clients);
    const clock::time_point deadline = first + duration + patience_;
    std::size_t woken = 0;
    poll_.run([&]() -> std::optional<clock::time_point> {
        for (; woken < operations && due(woken) <= clock::now(); ++woken)
            sessions_[woken % clients]->ready();
        const auto until = unless(count_.took.count() - before >= operations, deadline);
        return until && woken < operations ? std::min(*until, due(woken)) : until;
    });
    const std::size_t answered = count_.took.count() - before;
    if (answered < operations)
        throw failure("the server answered " + std::to_string(answered) + " of the " + std::to_string(operations) +
                      " requests that were due in time");
}

void load::finish()
{
    const clock::time_point deadline = clock::now() + patience_;
    poll_.run([&] { return unless(count_.finished >= sessions_.size(), deadline); });
    if (count_.finished < sessions_.size())
        throw failure("the server answered " + std::to_string(count_.finished) + " of " +
                      std::to_string(sessions_.size()) + " connections in time");
}

double load::done() const noexcept
{
    return scenario_.transfers() ? count_.done / mebibyte : count_.done;
}

}  // namespace bench
