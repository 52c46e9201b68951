// Whoever echoes steadily over TLS asks for no memory: what is still asked for is OpenSSL's.

#include "tests/support/malloc_calls.hpp"
#include "tests/support/tls_loopback.hpp"

#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/tls.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <vector>

#include <openssl/crypto.h>

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

namespace {

std::size_t calls_of_openssl = 0;

void* openssl_malloc(std::size_t size, const char*, int)
{
    ++calls_of_openssl;
    return uncounted_malloc(size);
}

void* openssl_realloc(void* memory, std::size_t size, const char*, int)
{
    ++calls_of_openssl;
    return uncounted_realloc(memory, size);
}

void openssl_free(void* memory, const char*, int)
{
    std::free(memory);
}

/// Before OpenSSL is used, so before the first test case.
const bool openssl_is_left_out = ::CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;

/// Has `bytes` sent there and back, under a deadline as programs have it.
task<> send_there_and_back(tls::socket& socket, std::span<const std::byte> bytes, std::span<std::byte> room)
{
    const result<std::size_t> written = co_await with_timeout(10s, socket.write(bytes));
    written.value();
    for (std::size_t got = 0; got < bytes.size();) {
        const result<std::size_t> count = co_await with_timeout(10s, socket.read(room));
        got += count.value();
    }
}

task<> check_echo(tls_pair& pair, std::size_t size)
{
    constexpr int rounds = 300;
    const std::vector<std::byte> bytes(size);
    std::vector<std::byte> room(size);
    for (int round = 0; round < rounds; ++round)
        co_await send_there_and_back(pair.client, bytes, room);
    const std::size_t before = malloc_calls();
    const std::size_t before_of_openssl = calls_of_openssl;
    for (int round = 0; round < rounds; ++round)
        co_await send_there_and_back(pair.client, bytes, room);
    const std::size_t calls = malloc_calls() - before;
    BOOST_TEST(calls == 0U, calls << " calls for " << rounds << " echoes of " << size << " bytes");
    BOOST_TEST(calls_of_openssl > before_of_openssl);  // so they did not go by what is counted
}

void check_echoes(tls::protocol_version version)
{
    BOOST_TEST_REQUIRE(openssl_is_left_out);
    test::run([version]() -> task<> {
        tls_pair pair(version);
        const bool opened = co_await pair.open();
        BOOST_REQUIRE(opened);
        scope echoing;
        echoing.spawn([&pair] { return echo(std::move(*pair.accepted)); });
        for (const std::size_t size : {64, 16 * 1024, 200 * 1024})
            co_await check_echo(pair, size);
        const result<> ended = co_await pair.client.end();
        BOOST_TEST(ended.has_value());
        co_await echoing.join();
    });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(steady_memory_test)

BOOST_AUTO_TEST_CASE(an_echo_needs_no_memory_in_tls_1_3)
{
    check_echoes(tls::protocol_version::tlsv1_3);
}

BOOST_AUTO_TEST_CASE(an_echo_needs_no_memory_in_tls_1_2)
{
    check_echoes(tls::protocol_version::tlsv1_2);
}

BOOST_AUTO_TEST_SUITE_END()
