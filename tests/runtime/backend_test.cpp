#include <coil/runtime/backend.hpp>

#include <coil/runtime/loop.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/child_end.hpp"
#include "tests/support/refused_io_uring.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>

#include <sys/syscall.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

/// COIL_BACKEND is `value` for as long as this lives.
class environment {
public:
    explicit environment(const char* value)
    {
        if (const char* now = std::getenv("COIL_BACKEND"))
            before_ = now;
        value ? ::setenv("COIL_BACKEND", value, 1) : ::unsetenv("COIL_BACKEND");
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    ~environment() { before_ ? ::setenv("COIL_BACKEND", before_->c_str(), 1) : ::unsetenv("COIL_BACKEND"); }

private:
    std::optional<std::string> before_;
};

/// What a child says of itself: the text that `body` returns.
template <class Body>
std::string said_by_child(Body body)
{
    const child_end end = end_of_child([&] {
        const std::string text = body();
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    });
    BOOST_TEST(end.signal == 0);
    return end.message;
}

/// Uses a loop for what loops are for. @return which backend it has and why, or why there is no loop.
std::string describe_working_loop(backend wanted)
{
    try {
        loop here({.backend = wanted});
        const auto body = []() -> task<bool> {
            const pipe_ends pipe = create_pipe().value();
            const std::array<std::byte, 3> sent{};
            const result<std::size_t> written = co_await pipe.write_end.write(sent);
            std::array<std::byte, 8> buffer{};
            const result<std::size_t> got = co_await pipe.read_end.read(buffer);
            const result<> slept = co_await sleep_for(1ms);
#if defined(__SANITIZE_THREAD__)  // ends a process that was forked and starts a thread
            const result<int> counted(7);
#else
            const result<int> counted = co_await offload([] { return 7; });
#endif
            co_return written.has_value() && got && *got == 3 && slept && counted && *counted == 7;
        };
        const bool works = here.run(body());
        return std::string(works ? "works: " : "fails: ") + to_string(here.capabilities().backend) + ", " +
               here.capabilities().reason;
    } catch (const std::system_error& refused) {
        return "refused: " + std::string(refused.what());
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_test)

BOOST_AUTO_TEST_CASE(names_are_those_of_the_environment)
{
    BOOST_TEST(to_string(backend::automatic) == std::string("automatic"));
    BOOST_TEST(to_string(backend::io_uring) == std::string("io_uring"));
    BOOST_TEST(to_string(backend::epoll) == std::string("epoll"));
}

BOOST_AUTO_TEST_CASE(is_io_uring_where_the_kernel_has_it)
{
    for (const char* value : {static_cast<const char*>(nullptr), "", "automatic", "io_uring"}) {
        const environment with(value);
        BOOST_TEST(describe_working_loop(backend::automatic) == "works: io_uring, ");
    }
}

BOOST_AUTO_TEST_CASE(the_environment_decides_where_the_program_does_not)
{
    const environment with("epoll");
    BOOST_TEST(describe_working_loop(backend::automatic) == "works: epoll, COIL_BACKEND");
    BOOST_TEST(describe_working_loop(backend::io_uring) == "works: io_uring, ");
}

BOOST_AUTO_TEST_CASE(the_program_may_choose_epoll)
{
    const environment with("io_uring");
    BOOST_TEST(describe_working_loop(backend::epoll) == "works: epoll, the program's choice");
    const loop here({.backend = backend::epoll});
    BOOST_TEST(here.capabilities().to_string().starts_with("epoll (the program's choice)"));
}

BOOST_AUTO_TEST_CASE(a_name_that_there_is_not_is_refused)
{
    for (const char* value : {"kqueue", "EPOLL", "epoll "}) {
        const environment with(value);
        const std::string said = describe_working_loop(backend::automatic);
        BOOST_TEST(said.starts_with("refused: COIL_BACKEND names an unknown backend \"" + std::string(value) +
                                    "\"; there are automatic, io_uring and epoll"));
        BOOST_TEST(describe_working_loop(backend::epoll).starts_with("works: epoll"));  // nobody asks
    }
}

BOOST_DATA_TEST_CASE(is_epoll_where_io_uring_is_refused, boost::unit_test::data::make({EPERM, ENOSYS, ENOMEM}), error)
{
    const environment with(nullptr);
    const std::string said = said_by_child([&] {
        refuse_io_uring(error);
        return describe_working_loop(backend::automatic);
    });
    const std::string cause = error == EPERM    ? "seccomp profile of a container"
                              : error == ENOSYS ? "this kernel has no io_uring"
                                                : "ulimit -l";
    BOOST_TEST(said.starts_with("works: epoll, "));
    BOOST_TEST(said.find(cause) != std::string::npos, said);
}

BOOST_AUTO_TEST_CASE(what_is_demanded_and_refused_names_cause_and_cure)
{
    const auto demand = [](const char* value, backend wanted) {
        return said_by_child([&] {
            const environment with(value);
            refuse_io_uring(EPERM);
            return describe_working_loop(wanted);
        });
    };
    for (const std::string& said : {demand(nullptr, backend::io_uring), demand("io_uring", backend::automatic)}) {
        BOOST_TEST(said.starts_with("refused: io_uring is refused, most likely by the seccomp profile of a container; "
                                    "run it with a profile that allows io_uring_setup"));
        BOOST_TEST(said.find('\n') == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(an_io_uring_is_restricted_to_what_coil_does)
{
    constexpr unsigned register_eventfd = 4;
    const auto register_something = [](const loop& of) {
        const int nothing = -1;
        const int number = const_cast<loop&>(of).ring().descriptor();
        return ::syscall(SYS_io_uring_register, number, register_eventfd, &nothing, 1) == 0 ? 0 : errno;
    };
    {
        const loop here({.backend = backend::io_uring});
        BOOST_TEST(here.capabilities().to_string().find("restrictions, ") != std::string::npos);
        if (!here.capabilities().messages)
            return;  // it tells no descriptor
        BOOST_TEST(here.capabilities().restricted);
        BOOST_TEST(register_something(here) == EACCES);
    }
    const loop open({.backend = backend::io_uring, .restricted = false});
    BOOST_TEST(!open.capabilities().restricted);
    BOOST_TEST(register_something(open) == EBADF);
}

BOOST_AUTO_TEST_SUITE_END()
