#include "bench/load/load.hpp"

#include "bench/failure.hpp"
#include "bench/load/handshake_session.hpp"
#include "bench/load/transfer_session.hpp"

namespace bench {
namespace {

/// So that a server with a short queue does not turn connections away.
constexpr std::size_t opened_at_once = 64;

}  // namespace

load::load(const scenario& of, const target& to) : scenario_(of), target_(to) {}

std::unique_ptr<session> load::make_session()
{
    const std::span<const std::byte> request = target_.speaks == protocol::http
                                                   ? std::as_bytes(std::span(http_request))
                                                   : pattern().first(std::min(scenario_.size, write_size));
    switch (scenario_.kind) {
    case scenario_kind::echo:
    case scenario_kind::http: return std::make_unique<exchange_session>(poll_, target_, exchange{request}, count_);
    case scenario_kind::memory: return std::make_unique<exchange_session>(poll_, target_, exchange{request, 1}, count_);
    case scenario_kind::handshake: return std::make_unique<handshake_session>(poll_, target_, count_);
    case scenario_kind::download:
        return std::make_unique<transfer_session>(poll_, target_, transfer_session::direction::download, scenario_.size,
                                                  count_);
    case scenario_kind::upload:
        return std::make_unique<transfer_session>(poll_, target_, transfer_session::direction::upload, scenario_.size,
                                                  count_);
    }
    throw failure("no such scenario");
}

void load::open(std::chrono::seconds limit)
{
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (sessions_.size() < scenario_.connections) {
        for (std::size_t i = 0; i < opened_at_once && sessions_.size() < scenario_.connections; ++i)
            sessions_.push_back(make_session());
        poll_.run(deadline, [this] { return count_.open >= sessions_.size(); });
        if (count_.open < sessions_.size())
            throw failure("the server accepted " + std::to_string(count_.open) + " of " +
                          std::to_string(sessions_.size()) + " connections in time");
    }
}

void load::run(std::chrono::nanoseconds duration)
{
    poll_.run(std::chrono::steady_clock::now() + duration, [] { return false; });
}

void load::finish(std::chrono::seconds limit)
{
    poll_.run(std::chrono::steady_clock::now() + limit, [this] { return count_.finished >= sessions_.size(); });
    if (count_.finished < sessions_.size())
        throw failure("the server answered " + std::to_string(count_.finished) + " of " +
                      std::to_string(sessions_.size()) + " connections in time");
}

double load::done() const noexcept
{
    const bool transfer = scenario_.kind == scenario_kind::download || scenario_.kind == scenario_kind::upload;
    return transfer ? count_.done / mebibyte : count_.done;
}

}  // namespace bench
