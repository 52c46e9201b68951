#include "bench/floor/floor.hpp"

#include "bench/failure.hpp"
#include "bench/floor/endpoints.hpp"

#include <memory>
#include <vector>

#include <malloc.h>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

struct contexts {
    openssl_ptr<SSL_CTX> client;
    openssl_ptr<SSL_CTX> server;
};

contexts make_contexts(const scenario& of, const std::string& certificate_file, const std::string& key_file)
{
    contexts made{make_client_context(of, certificate_file), openssl_ptr<SSL_CTX>(SSL_CTX_new(TLS_server_method()))};
    SSL_CTX* const server = made.server.get();
    if (!server || SSL_CTX_use_certificate_chain_file(server, certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(server, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw failure("cannot make a server: " + openssl_reason());
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    if (of.kind == scenario_kind::memory)
        SSL_CTX_set_mode(server, SSL_MODE_RELEASE_BUFFERS);
    return made;
}

std::vector<std::unique_ptr<endpoints>> open_all(const scenario& of, const contexts& with, stopwatch& watch)
{
    std::vector<std::unique_ptr<endpoints>> all;
    for (unsigned i = 0; i < of.connections; ++i) {
        all.push_back(std::make_unique<endpoints>(with.client.get(), with.server.get(), of, watch));
        all.back()->handshake();
    }
    watch.end_turn(1);
    return all;
}

/// Runs turns for a while, of which a first part is not counted.
template <class Turn>
double measure(stopwatch& watch, std::chrono::nanoseconds duration, double operations, Turn turn)
{
    const clock::time_point begin = clock::now();
    bool warm = false;
    while (clock::now() - begin < duration) {
        if (!warm && clock::now() - begin > duration / 10) {
            warm = true;
            watch.forget();
        }
        turn();
        watch.end_turn(operations);
    }
    return watch.per_operation();
}

/// All clients write, then the server serves all of them, as in a turn of a busy event loop; only that is timed.
double measure_exchange(const scenario& of, const contexts& with, std::chrono::nanoseconds duration,
                        std::span<const std::byte> request, std::span<const std::byte> answer)
{
    stopwatch watch(of.connections == 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID);
    const auto all = open_all(of, with, watch);
    std::vector<std::byte> buffer(write_size);
    return measure(watch, duration, of.connections, [&] {
        for (const auto& one : all)
            one->client_write(request);
        watch.start();
        for (const auto& one : all) {
            one->server_read(buffer);
            one->server_write(answer);
        }
        watch.stop();
        for (const auto& one : all)
            one->client_read(answer);
    });
}

void echo_once(endpoints& pair, std::span<const std::byte> message, std::span<std::byte> buffer, stopwatch& watch)
{
    if (message.empty())
        return;
    pair.client_write(message);
    watch.start();
    pair.server_read(buffer);
    pair.server_write(message);
    watch.stop();
    pair.client_read(message);
}

/// Connections from their beginning to their end, one after the other.
double measure_connections(const scenario& of, const contexts& with, std::chrono::nanoseconds duration,
                           std::span<const std::byte> message)
{
    stopwatch watch;
    std::vector<std::byte> buffer(write_size);
    openssl_ptr<SSL_SESSION> newest;
    return measure(watch, duration, 1, [&] {
        endpoints pair(with.client.get(), with.server.get(), of, watch, &newest);
        pair.handshake();
        echo_once(pair, message, buffer, watch);
        if (of.kind == scenario_kind::reset)
            pair.abandon();
        else
            pair.close();
    });
}

constexpr std::size_t blocks_in_mebibyte = static_cast<std::size_t>(mebibyte) / write_size;
/// What one of many connections is given or gives at a time.
constexpr std::size_t blocks_in_turn = 4;

double in_mebibytes(std::size_t blocks)
{
    return static_cast<double>(blocks) / blocks_in_mebibyte;
}

double measure_download(const scenario& of, const contexts& with, std::chrono::nanoseconds duration)
{
    stopwatch watch;
    const auto all = open_all(of, with, watch);
    const std::span<const std::byte> block = pattern().first(write_size);
    const std::size_t blocks = all.size() == 1 ? blocks_in_mebibyte : blocks_in_turn;
    for (const auto& one : all)
        one->drop_output();
    return measure(watch, duration, in_mebibytes(blocks * all.size()), [&] {
        watch.start();
        for (const auto& one : all)
            for (std::size_t i = 0; i < blocks; ++i)
                one->server_write(block);
        watch.stop();
    });
}

double measure_upload(const scenario& of, const contexts& with, std::chrono::nanoseconds duration)
{
    stopwatch watch;
    const auto all = open_all(of, with, watch);
    const std::span<const std::byte> block = pattern().first(write_size);
    std::vector<std::byte> buffer(write_size);
    return measure(watch, duration, in_mebibytes(blocks_in_turn * all.size()), [&] {
        for (const auto& one : all)
            for (std::size_t i = 0; i < blocks_in_turn; ++i)
                one->client_write(block);
        std::size_t size = 0;
        watch.start();
        for (const auto& one : all)
            size += one->server_read(buffer);
        watch.stop();
        if (size != all.size() * blocks_in_turn * block.size())
            throw failure("a server in memory did not read all that was sent");
    });
}

double measure_memory(const scenario& of, const contexts& with, std::span<const std::byte> message)
{
    stopwatch watch;
    std::vector<std::byte> buffer(write_size);
    std::vector<std::unique_ptr<endpoints>> all;
    all.reserve(of.connections);
    const std::size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < of.connections; ++i) {
        all.push_back(std::make_unique<endpoints>(with.client.get(), with.server.get(), of, watch));
        all.back()->handshake();
        echo_once(*all.back(), message, buffer, watch);
        all.back()->keep_server_only();
    }
    return static_cast<double>(mallinfo2().uordblks - before) / of.connections;
}

}  // namespace

double measure_floor(const scenario& of, std::chrono::nanoseconds duration, const std::string& certificate_file,
                     const std::string& key_file)
{
    const contexts with = make_contexts(of, certificate_file, key_file);
    const std::span<const std::byte> message = pattern().first(std::min(of.size, write_size));
    switch (of.kind) {
    case scenario_kind::echo: return measure_exchange(of, with, duration, message, message);
    case scenario_kind::http:
        return measure_exchange(of, with, duration, std::as_bytes(std::span(http_request)),
                                std::as_bytes(std::span(http_answer)));
    case scenario_kind::handshake:
    case scenario_kind::churn:
    case scenario_kind::reset: return measure_connections(of, with, duration, message);
    case scenario_kind::download: return measure_download(of, with, duration);
    case scenario_kind::upload: return measure_upload(of, with, duration);
    case scenario_kind::memory: return measure_memory(of, with, message);
    case scenario_kind::storm: break;
    }
    throw failure("there is no floor of this scenario");
}

}  // namespace bench
