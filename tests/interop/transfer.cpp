#include "tests/interop/transfer.hpp"

#include <coil/runtime/scope.hpp>

#include "tests/support/random_data.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <vector>

namespace coil::test {
namespace {

task<> send(tls::socket& to, std::uint64_t seed, std::size_t size, std::string& sent)
{
    random_data data(seed);
    digest all;
    std::vector<std::byte> piece;
    for (std::size_t total = 0; total < size;) {
        piece.resize(std::min<std::size_t>(size - total, 100'003));
        data.fill(piece);
        const result<std::size_t> written = co_await to.write(piece);
        BOOST_TEST_REQUIRE(name_of(written) == "");
        all.add(piece);
        total += piece.size();
    }
    sent = all.hex();
}

/// Reads `size` bytes, or to the end.
task<> receive(tls::socket& from, std::size_t size, transfer& made)
{
    digest all;
    std::vector<std::byte> buffer(64 * 1024);
    while (made.received_bytes < size) {
        const result<std::size_t> count = co_await from.read(buffer);
        if (!count) {
            made.end = name_of(count);
            break;
        }
        all.add(std::span<const std::byte>(buffer).first(*count));
        made.received_bytes += *count;
    }
    made.received = all.hex();
}

}  // namespace

task<transfer> transfer_both_ways(tls::socket& through, std::uint64_t seed, std::size_t size)
{
    transfer made;
    scope both;
    both.spawn(send(through, seed, size, made.sent));
    both.spawn(receive(through, size, made));
    co_await both.join();
    const result<> ended = co_await through.end();
    BOOST_TEST(name_of(ended) == "");
    std::error_code why;
    auto reading = read_all(through, why);
    const std::string rest = co_await reading;
    made.received_bytes += rest.size();
    if (made.end.empty())
        made.end = error_name(why);
    co_return made;
}

}  // namespace coil::test
