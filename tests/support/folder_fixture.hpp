#pragma once

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>

#include <stdlib.h>

namespace coil::test {

/// An empty folder for each test, which is removed with all that is in it.
struct folder_fixture {
    folder_fixture()
    {
        std::string name = (std::filesystem::temp_directory_path() / "coilXXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder = name;
    }
    folder_fixture(const folder_fixture&) = delete;
    folder_fixture& operator=(const folder_fixture&) = delete;
    ~folder_fixture() { std::filesystem::remove_all(folder); }

    std::filesystem::path folder;
};

}  // namespace coil::test
