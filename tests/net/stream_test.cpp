#include <coil/net/stream.hpp>

#include "tests/support/loopback.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string>
#include <utility>

namespace {

using namespace coil;
using namespace coil::net;
using namespace coil::test;
using namespace std::chrono_literals;

/// A stream that gives everything back in capitals.
class capitals {
public:
    task<result<std::size_t>> read(std::span<std::byte> buffer)
    {
        if (text_.empty())
            co_return errc::end_of_stream;
        const std::size_t size = std::min(buffer.size(), text_.size());
        for (std::size_t i = 0; i < size; ++i)
            buffer[i] = static_cast<std::byte>(text_[i] & 0xdf);
        text_.erase(0, size);
        co_return size;
    }
    task<result<std::size_t>> write(std::span<const std::byte> bytes)
    {
        text_ += text_of(bytes);
        co_return bytes.size();
    }
    task<result<>> end() { co_return result<>(); }
    void destroy() { text_.clear(); }

private:
    std::string text_;
};

static_assert(stream<net::socket>);
static_assert(stream<capitals>);
static_assert(stream<any_stream>);
static_assert(!stream<std::string>);

BOOST_AUTO_TEST_SUITE(stream_test)

BOOST_AUTO_TEST_CASE(any_stream_passes_everything_on)
{
    loop here;
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            socket_pair pair;
            any_stream near(std::move(pair.near));
            any_stream far(std::move(pair.far));
            const result<std::size_t> written = co_await near.write(bytes_of("hello"));
            BOOST_TEST(*written == 5U);
            std::array<std::byte, 16> buffer{};
            const result<std::size_t> count = co_await far.read(buffer);
            BOOST_TEST(text_of(std::span(buffer).first(*count)) == "hello");
            const result<std::size_t> none = co_await with_timeout(1ms, near.read(buffer));
            BOOST_TEST(none.error() == make_error_code(errc::timed_out));
            const result<> ended = co_await near.end();
            BOOST_TEST(ended.has_value());
            const result<std::size_t> end = co_await far.read(buffer);
            BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
            far.destroy();
            const result<std::size_t> gone = co_await far.read(buffer);
            BOOST_TEST(gone.error() == make_error_code(errc::destroyed));
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(any_stream_holds_streams_of_the_users)
{
    loop here;
    const auto body = [&]() -> task<> {
        any_stream wrapped{capitals()};
        const result<std::size_t> written = co_await wrapped.write(bytes_of("small"));
        BOOST_TEST(*written == 5U);
        std::array<std::byte, 16> buffer{};
        any_stream moved = std::move(wrapped);
        const result<std::size_t> count = co_await moved.read(buffer);
        BOOST_TEST(text_of(std::span(buffer).first(*count)) == "SMALL");
        const result<std::size_t> end = co_await moved.read(buffer);
        BOOST_TEST(end.error() == make_error_code(errc::end_of_stream));
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
