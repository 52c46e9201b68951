#include "bench/load/load.hpp"

#include "bench/failure.hpp"
#include "bench/load/handshake_session.hpp"
#include "bench/load/transfer_session.hpp"

#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

/// So that a server with a short queue does not turn connections away.
constexpr std::size_t opened_at_once = 64;

std::uint16_t port_of(scenario_kind kind)
{
    switch (kind) {
    case scenario_kind::download: return 1;
    case scenario_kind::upload: return 2;
    case scenario_kind::http: return 3;
    default: return 0;
    }
}

}  // namespace

load::load(const scenario& of, const target& to)
    : scenario_(of), target_{static_cast<std::uint16_t>(to.port + port_of(of.kind)), to.context}
{
}

std::unique_ptr<session> load::make_session()
{
    const std::span<const std::byte> message = pattern().first(std::min(scenario_.size, write_size));
    switch (scenario_.kind) {
    case scenario_kind::echo:
        return std::make_unique<exchange_session>(poll_, target_, exchange{message, message}, count_);
    case scenario_kind::memory:
        return std::make_unique<exchange_session>(poll_, target_, exchange{message, message, 1}, count_);
    case scenario_kind::http:
        return std::make_unique<exchange_session>(
            poll_, target_, exchange{std::as_bytes(std::span(http_request)), std::as_bytes(std::span(http_answer))},
            count_);
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

void wait_for_server(std::uint16_t port, const std::function<void()>& check)
{
    for (int attempt = 0; attempt < 500; ++attempt) {
        check();
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool listening = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        close(descriptor);
        if (listening)
            return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw failure("the server does not listen after 5 s");
}

}  // namespace bench
