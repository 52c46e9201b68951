#pragma once

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace coil::test {

/// What a child process that ran `body` came to.
struct child_end {
    int signal = 0;       ///< That ended it; 0 for none.
    std::string message;  ///< What it wrote to stderr.
};

template <class Body>
child_end end_of_child(Body body)
{
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe(ends.data()) == 0);
    const ::pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);  // not those of Boost.Test or of a sanitizer
        std::signal(SIGABRT, SIG_DFL);
        ::dup2(ends[1], STDERR_FILENO);
        body();
        ::_exit(0);
    }
    ::close(ends[1]);
    child_end end;
    std::array<char, 4096> buffer{};
    for (;;) {
        const ::ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
        if (got <= 0)
            break;
        end.message.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        end.signal = WTERMSIG(status);
    return end;
}

/// Whether `body` stops its process with a message that contains `words`.
template <class Body>
bool stops_with(const std::string& words, Body body)
{
    const child_end end = end_of_child(body);
    BOOST_TEST_INFO_SCOPE(end.message);
    BOOST_TEST(end.signal == SIGABRT);
    BOOST_TEST(end.message.starts_with("coil: "));
    return end.message.find(words) != std::string::npos;
}

}  // namespace coil::test
