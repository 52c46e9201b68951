#pragma once

#include <coil/runtime/file.hpp>

#include <boost/test/unit_test.hpp>

#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace coil::test {

/// A pipe whose ends are files.
class pipe_ends {
public:
    pipe_ends() : pipe_ends(opened()) {}

    file read_end;
    file write_end;

private:
    explicit pipe_ends(std::array<int, 2> ends) : read_end(ends[0]), write_end(ends[1]) {}

    static std::array<int, 2> opened()
    {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        return ends;
    }
};

}  // namespace coil::test
