// Programs that are started with standard input, output or error closed.

#include "tests/support/child_end.hpp"
#include "tests/support/loopback.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/file.hpp>
#include <coil/runtime/internal/ring/standard_numbers.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/signal.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace coil;

/// Ends the process with this message if a number of 0 and 1 is in use.
void check_free(const char* after)
{
    for (const int number : {STDIN_FILENO, STDOUT_FILENO}) {
        if (::fcntl(number, F_GETFD) < 0 && errno == EBADF)
            continue;
        const std::string message = "number " + std::to_string(number) + " is in use after " + after + "\n";
        static_cast<void>(!::write(STDERR_FILENO, message.data(), message.size()));
        ::abort();
    }
}

task<> connect_both(const std::string& path)
{
    net::server server = net::create_server({}, [&](net::socket peer) -> task<> {
        check_free("accept");
        const result<> ended = co_await peer.end();
        static_cast<void>(ended.has_value());
    });
    server.listen({.path = path}).value();
    check_free("listen");
    {
        net::connect_options options;
        options.path = path;
        net::socket client = net::connect(options);
        const result<> connected = co_await client.connect();
        connected.value();
        std::array<std::byte, 1> buffer;
        const result<std::size_t> size = co_await client.read(buffer);  // what the kernel accepted has been seen by then
        static_cast<void>(size.has_value());
        check_free("connect");
    }
    server.close().value();
    static_cast<void>(co_await server.closed());
}

task<> open_everything(const std::string& path)
{
    const signal_set signals{SIGUSR1};
    check_free("a signal_set");
    const result<pipe_ends> pipe = create_pipe();
    check_free("create_pipe");
    result<file> opened = co_await file::open("/dev/null", O_RDONLY);
    check_free("file::open");
    const result<file> copy = opened.value().duplicate();
    check_free("duplicate");
    static_cast<void>(pipe.has_value() && copy.has_value());
    co_await connect_both(path);
}

BOOST_AUTO_TEST_SUITE(standard_numbers_test)

BOOST_AUTO_TEST_CASE(what_coil_opens_stays_above_the_standard_streams, *boost::unit_test::label("F-36"))
{
    const test::temporary_folder folder;
    const test::child_end end = test::end_of_child([&] {
        ::close(STDIN_FILENO);
        ::close(STDOUT_FILENO);
        loop here;
        check_free("a loop");
        here.run(open_everything(folder / "socket"));
        check_free("all");
    });
    BOOST_TEST(end.signal == 0, end.message);
}

BOOST_AUTO_TEST_CASE(a_descriptor_above_them_stays_what_it_is)
{
    const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    BOOST_TEST(internal::above_standard_numbers(number) == number);
    ::close(number);
    errno = EMFILE;
    BOOST_TEST(internal::above_standard_numbers(-1) == -1);
    BOOST_TEST(errno == EMFILE);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
