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

contexts make_contexts(const std::string& certificate_file, const std::string& key_file, bool idle)
{
    contexts made{make_client_context(certificate_file), openssl_ptr<SSL_CTX>(SSL_CTX_new(TLS_server_method()))};
    SSL_CTX* const server = made.server.get();
    if (!server || SSL_CTX_use_certificate_chain_file(server, certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(server, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw failure("cannot make a server: " + openssl_reason());
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    if (idle)
        SSL_CTX_set_mode(server, SSL_MODE_RELEASE_BUFFERS);
    return made;
}

std::vector<std::unique_ptr<endpoints>> open_all(unsigned count, const contexts& with, stopwatch& watch)
{
    std::vector<std::unique_ptr<endpoints>> all;
    for (unsigned i = 0; i < count; ++i) {
        all.push_back(std::make_unique<endpoints>(with.client.get(), with.server.get(), watch));
        all.back()->handshake();
    }
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
double measure_exchange(const contexts& with, unsigned connections, std::chrono::nanoseconds duration,
                        std::span<const std::byte> request, std::span<const std::byte> answer)
{
    stopwatch watch(connections == 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID);
    const auto all = open_all(connections, with, watch);
    std::vector<std::byte> buffer(write_size);
    watch.end_turn(1);
    return measure(watch, duration, connections, [&] {
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

double measure_handshake(const contexts& with, std::chrono::nanoseconds duration)
{
    stopwatch watch;
    return measure(watch, duration, 1, [&] {
        endpoints pair(with.client.get(), with.server.get(), watch);
        pair.handshake();
        pair.close();
    });
}

double measure_transfer(const contexts& with, bool download, std::chrono::nanoseconds duration)
{
    stopwatch watch;
    const auto pair = std::move(open_all(1, with, watch).front());
    const std::span<const std::byte> block = pattern().first(write_size);
    std::vector<std::byte> buffer(write_size);
    watch.end_turn(1);
    constexpr std::size_t blocks = static_cast<std::size_t>(mebibyte) / write_size;
    if (download) {
        pair->drop_output();
        return measure(watch, duration, 1, [&] {
            watch.start();
            for (std::size_t i = 0; i < blocks; ++i)
                pair->server_write(block);
            watch.stop();
        });
    }
    constexpr std::size_t blocks_in_turn = 4;  // what a busy server is given at a time
    constexpr double turns_in_mebibyte = static_cast<double>(blocks) / blocks_in_turn;
    return measure(watch, duration, 1 / turns_in_mebibyte, [&] {
        for (std::size_t i = 0; i < blocks_in_turn; ++i)
            pair->client_write(block);
        watch.start();
        const std::size_t size = pair->server_read(buffer);
        watch.stop();
        if (size != blocks_in_turn * block.size())
            throw failure("a server in memory did not read all that was sent");
    });
}

double measure_memory(const contexts& with, unsigned connections, std::span<const std::byte> message)
{
    stopwatch watch;
    std::vector<std::byte> buffer(write_size);
    std::vector<std::unique_ptr<endpoints>> all;
    all.reserve(connections);
    const std::size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < connections; ++i) {
        all.push_back(std::make_unique<endpoints>(with.client.get(), with.server.get(), watch));
        endpoints& pair = *all.back();
        pair.handshake();
        pair.client_write(message);
        pair.server_read(buffer);
        pair.server_write(message);
        pair.client_read(message);
        pair.keep_server_only();
    }
    return static_cast<double>(mallinfo2().uordblks - before) / connections;
}

}  // namespace

double measure_floor(const scenario& of, std::chrono::nanoseconds duration, const std::string& certificate_file,
                     const std::string& key_file)
{
    const contexts with = make_contexts(certificate_file, key_file, of.kind == scenario_kind::memory);
    const std::span<const std::byte> message = pattern().first(std::min(of.size, write_size));
    switch (of.kind) {
    case scenario_kind::echo: return measure_exchange(with, of.connections, duration, message, message);
    case scenario_kind::http:
        return measure_exchange(with, of.connections, duration, std::as_bytes(std::span(http_request)),
                                std::as_bytes(std::span(http_answer)));
    case scenario_kind::handshake: return measure_handshake(with, duration);
    case scenario_kind::download: return measure_transfer(with, true, duration);
    case scenario_kind::upload: return measure_transfer(with, false, duration);
    case scenario_kind::memory: return measure_memory(with, of.connections, message);
    }
    throw failure("no such scenario");
}

}  // namespace bench
