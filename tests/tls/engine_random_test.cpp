// Engines under random input: both directions at once in random pieces, and handshakes with damaged bytes.
#include <coil/tls/engine.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <random>

using namespace coil;
using tls::protocol_version;
using tls::status;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

test::engine_pair make_pair(protocol_version version)
{
    return test::engine_pair(
        tls::create_secure_context({.ca = all().root.certificate(), .max_version = version}), {},
        tls::create_secure_context({.ca = all().root.certificate(), .cert = all().server.cert, .key = all().server.key}),
       {});
}

/// One direction of a connection whose transport delivers what it likes when it likes.
class direction {
public:
    direction(test::engine_end& from, test::engine_end& to, std::string text, std::mt19937& random)
        : from_(from), to_(to), text_(std::move(text)), random_(random)
    {
    }

    /// Writes a little, delivers a little: by copy, or lent so that some comes back.
    void advance()
    {
        const std::size_t size = std::min(pick(20'000), text_.size() - written_);
        BOOST_TEST_REQUIRE(from_.write(std::string_view(text_).substr(written_, size)));
        written_ += size;
        in_flight_ += test::take_output(from_.engine);
        const std::size_t arriving = std::min(pick(20'000), in_flight_.size());
        const std::string_view piece = std::string_view(in_flight_).substr(0, arriving);
        if (pick(2) == 0) {
            to_.engine.feed(test::as_bytes(piece));
            to_.step();
            in_flight_.erase(0, arriving);
            return;
        }
        to_.engine.lend(test::as_bytes(piece));
        std::array<std::byte, 100> buffer;
        const tls::progress step = to_.engine.read(buffer);
        BOOST_TEST_REQUIRE((step.status == status::done || step.status == status::want_input));
        to_.received.append(reinterpret_cast<const char*>(buffer.data()), step.bytes);
        in_flight_.erase(0, arriving - to_.engine.reclaim());
    }

    bool finished() const { return to_.received.size() == text_.size(); }
    bool intact() const { return to_.received == text_; }

private:
    std::size_t pick(std::size_t below) { return random_() % below; }

    test::engine_end& from_;
    test::engine_end& to_;
    std::string text_;
    std::mt19937& random_;
    std::string in_flight_;
    std::size_t written_ = 0;
};

std::string random_text(std::size_t size, std::mt19937& random)
{
    std::string text(size, '\0');
    for (char& c : text)
        c = static_cast<char>(random());
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_random_test)

BOOST_AUTO_TEST_CASE(both_directions_flow_at_once_in_random_pieces)
{
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
        for (unsigned seed = 0; seed < 5; ++seed) {
            std::mt19937 random(seed);
            test::engine_pair pair = make_pair(version);
            BOOST_TEST_REQUIRE(pair.handshake());
            direction up(pair.client, pair.server, random_text(1'000'000, random), random);
            direction down(pair.server, pair.client, random_text(1'000'000, random), random);
            while (!up.finished() || !down.finished())
                (random() % 2 ? up : down).advance();
            BOOST_TEST(up.intact());
            BOOST_TEST(down.intact());
        }
}

BOOST_AUTO_TEST_CASE(a_damaged_flight_never_leads_to_a_connection_that_disagrees)
{
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
        for (int flight = 0; flight < 3; ++flight) {
            std::size_t size = 1;
            for (std::size_t at = 0; at < size; at += flight == 1 ? 7 : 3) {
                test::engine_pair pair = make_pair(version);
                pair.client.step();
                for (int i = 0; i < 4; ++i) {
                    test::engine_end& from = i % 2 ? pair.server : pair.client;
                    test::engine_end& to = i % 2 ? pair.client : pair.server;
                    std::string bytes = test::take_output(from.engine);
                    if (i == flight && !bytes.empty()) {
                        size = bytes.size();
                        // Signatures differ in length, and with them flights.
                        bytes[std::min(at, size - 1)] ^= 0x41;
                    }
                    to.engine.feed(test::as_bytes(bytes));
                    to.step();
                }
                // Whichever byte it was, at least one end noticed.
                const bool both = pair.client.engine.handshake_done() && pair.server.engine.handshake_done() &&
                                  pair.client.status != status::error && pair.server.status != status::error;
                BOOST_TEST(!both, "flight " << flight << " byte " << at << " of " << size);
            }
        }
}

BOOST_AUTO_TEST_CASE(random_bytes_after_the_handshake_end_the_connection_once)
{
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3})
        for (unsigned seed = 0; seed < 50; ++seed) {
            std::mt19937 random(seed);
            test::engine_pair pair = make_pair(version);
            BOOST_TEST_REQUIRE(pair.handshake());
            pair.server.engine.feed(test::as_bytes(random_text(20'000, random)));
            pair.server.step();
            BOOST_TEST((pair.server.status == status::error));
            const std::string code = pair.server.code();
            BOOST_TEST(code.starts_with("ERR_SSL_"), code);
            const std::size_t alert = pair.server.engine.output_size();
            pair.server.step();
            BOOST_TEST(pair.server.code() == code);
            BOOST_TEST(pair.server.engine.output_size() == alert);
        }
}

BOOST_AUTO_TEST_SUITE_END()
