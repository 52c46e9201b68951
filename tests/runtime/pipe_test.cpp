#include <coil/runtime/pipe.hpp>

#include <coil/runtime/loop.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>

namespace {

using namespace coil;

std::span<const std::byte> bytes_of(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

BOOST_AUTO_TEST_SUITE(pipe_test)

BOOST_AUTO_TEST_CASE(what_goes_in_comes_out_until_the_end)
{
    loop here;
    const auto body = []() -> task<> {
        pipe_ends pipe = create_pipe().value();
        const result<std::size_t> written = co_await pipe.write_end.write(bytes_of("text"));
        BOOST_TEST(*written == 4U);
        const result<> closed = co_await pipe.write_end.close();
        BOOST_TEST(closed.has_value());
        std::array<std::byte, 16> buffer{};
        const result<std::size_t> read = co_await pipe.read_end.read(buffer);
        BOOST_TEST(*read == 4U);
        const result<std::size_t> end = co_await pipe.read_end.read(buffer);
        BOOST_TEST(end.has_value());
        BOOST_TEST(*end == 0U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(its_ends_are_not_passed_on_to_other_programs)
{
    const pipe_ends pipe = create_pipe().value();
    BOOST_TEST((::fcntl(pipe.read_end.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((::fcntl(pipe.write_end.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_AUTO_TEST_CASE(tells_when_there_are_no_descriptors_left)
{
    rlimit usual{};
    ::getrlimit(RLIMIT_NOFILE, &usual);
    rlimit none = usual;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
    const result<pipe_ends> refused = create_pipe();
    ::setrlimit(RLIMIT_NOFILE, &usual);
    BOOST_TEST(error_name(refused.error()) == "EMFILE");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
