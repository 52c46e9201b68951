#include <coil/runtime/directory.hpp>

#include "tests/support/folder_fixture.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/file.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace coil {

std::ostream& operator<<(std::ostream& out, const directory_entry& entry)
{
    return out << entry.name << " of kind " << static_cast<int>(entry.kind);
}

}  // namespace coil

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

struct directory_fixture : folder_fixture {
    loop here;
};

std::vector<directory_entry> sorted(std::vector<directory_entry> entries)
{
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
}

void make_socket(const std::filesystem::path& path)
{
    sockaddr_un where{.sun_family = AF_UNIX, .sun_path = {}};
    BOOST_REQUIRE(path.string().size() < sizeof where.sun_path);
    std::copy_n(path.c_str(), path.string().size(), where.sun_path);
    const file listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
}

BOOST_FIXTURE_TEST_SUITE(directory_test, directory_fixture)

BOOST_AUTO_TEST_CASE(tells_what_each_entry_is)
{
    std::ofstream(folder / "a file") << "text";
    std::filesystem::create_directory(folder / "b folder");
    std::filesystem::create_symlink("a file", folder / "c link");
    std::filesystem::create_symlink("nowhere", folder / "d link");
    BOOST_REQUIRE(::mkfifo((folder / "e pipe").c_str(), 0600) == 0);
    make_socket(folder / "f socket");
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        const result<std::vector<directory_entry>> found = co_await list_directory(folder);
        BOOST_REQUIRE(found.has_value());
        const std::vector<directory_entry> expected{
            {"a file", file_kind::regular},       {"b folder", file_kind::directory},
            {"c link", file_kind::symbolic_link}, {"d link", file_kind::symbolic_link},
            {"e pipe", file_kind::pipe},          {"f socket", file_kind::socket}};
        BOOST_TEST(sorted(*found) == expected, boost::test_tools::per_element());
        const result<std::vector<directory_entry>> devices = co_await list_directory("/dev");
        BOOST_REQUIRE(devices.has_value());
        const directory_entry null_device{"null", file_kind::character_device};
        BOOST_TEST((std::find(devices->begin(), devices->end(), null_device) != devices->end()));
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_empty_directory_has_no_entries)
{
    const auto body = [&]() -> task<> {
        const result<std::vector<directory_entry>> found = co_await list_directory(folder);
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST(found->empty());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(names_are_bytes)
{
    const std::string name = "no UTF-8: \xff\xfe\n";
    std::ofstream(folder / name) << "text";
    const auto body = [&]() -> task<> {
        const result<std::vector<directory_entry>> found = co_await list_directory(folder);
        BOOST_REQUIRE(found.has_value());
        BOOST_REQUIRE(found->size() == 1U);
        BOOST_TEST(found->front().name == name);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(finds_all_of_many)
{
    for (int i = 0; i < 3000; ++i)
        std::ofstream(folder / std::to_string(i)) << "";
    const auto body = [&]() -> task<> {
        const result<std::vector<directory_entry>> found = co_await list_directory(folder);
        BOOST_REQUIRE(found.has_value());
        std::vector<directory_entry> entries = sorted(*found);
        BOOST_TEST(entries.size() == 3000U);
        BOOST_TEST((std::adjacent_find(entries.begin(), entries.end()) == entries.end()));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(reports_what_the_system_says)
{
    std::ofstream(folder / "text") << "text";
    const auto body = [&]() -> task<> {
        const result<std::vector<directory_entry>> missing = co_await list_directory(folder / "missing");
        BOOST_TEST(error_name(missing.error()) == "ENOENT");
        const result<std::vector<directory_entry>> no_folder = co_await list_directory(folder / "text");
        BOOST_TEST(error_name(no_folder.error()) == "ENOTDIR");
        const std::string cut = folder.string() + std::string("\0x", 2);
        const result<std::vector<directory_entry>> misread = co_await list_directory(cut);
        BOOST_TEST(error_name(misread.error()) == "EINVAL");
        const file closed(-1);
        const result<std::vector<directory_entry>> unopened = co_await list_directory(closed);
        BOOST_TEST(error_name(unopened.error()) == "EBADF");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(an_open_directory_is_listed_from_its_beginning_each_time_even_if_it_is_closed_meanwhile)
{
    std::ofstream(folder / "text") << "text";
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        for (int round = 0; round < 3; ++round) {
            result<file> opening = co_await file::open(folder, O_RDONLY | O_DIRECTORY);
            std::optional<file> opened = std::move(opening).value();
            const result<std::vector<directory_entry>> first = co_await list_directory(*opened);
            BOOST_REQUIRE(first.has_value());
            BOOST_TEST(first->size() == 1U);
            auto listing = list_directory(*opened);
            opened.reset();
            const result<std::vector<directory_entry>> second = co_await listing;
            BOOST_REQUIRE(second.has_value());
            BOOST_TEST(second->size() == 1U);
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_listing_that_nobody_waits_for_leaves_nothing_behind)
{
    for (int i = 0; i < 200; ++i)
        std::ofstream(folder / std::to_string(i)) << "";
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        for (int round = 0; round < 50; ++round) {
            std::optional<scope> readers;
            readers.emplace();
            for (int i = 0; i < 8; ++i)
                readers->spawn([this]() -> task<> {
                    const result<std::vector<directory_entry>> found = co_await list_directory(folder);
                    BOOST_TEST((!found || found->size() == 200U));
                });
            const result<> slept = co_await sleep_for(round % 4 * 50us);
            slept.value();
            if (round % 2)
                readers->request_stop();
            readers.reset();
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_directory_is_listed_in_a_simulation_too)
{
    std::size_t entries = 0;
    simulation world;
    const auto body = [&entries]() -> task<> {
        const result<std::vector<directory_entry>> found = co_await list_directory("/proc/self/task");
        entries = found->size();
    };
    world.run(body());
    BOOST_TEST(entries > 0U);
}

}  // namespace
