#include <coil/runtime/file.hpp>

#include "tests/support/folder_fixture.hpp"
#include "tests/support/process_counts.hpp"

#include <coil/runtime/loop.hpp>
#include <coil/runtime/pipe.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/runtime/yield.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace coil;
using namespace coil::test;
using namespace std::chrono_literals;

struct file_fixture : folder_fixture {
    file_fixture() { std::ofstream(folder / "text") << "some text"; }

    loop here;
};

std::span<const std::byte> bytes_of(const std::string& text)
{
    return std::as_bytes(std::span(text));
}

BOOST_FIXTURE_TEST_SUITE(file_test, file_fixture)

BOOST_AUTO_TEST_CASE(reads_and_writes_at_any_place)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            const result<file> opened = co_await file::open(folder / "new", O_RDWR | O_CREAT, 0600);
            BOOST_REQUIRE(opened.has_value());
            const std::string text = "0123456789";
            const result<std::size_t> written = co_await opened->write_at(bytes_of(text), 5);
            BOOST_TEST(*written == 10U);
            const result<> synced = co_await opened->sync();
            BOOST_TEST(synced.has_value());
            std::array<std::byte, 20> buffer{};
            const result<std::size_t> count = co_await opened->read_at(buffer, 12);
            BOOST_TEST(*count == 3U);
            BOOST_TEST((buffer[0] == std::byte{'7'}));
            const result<std::size_t> end = co_await opened->read_at(buffer, 15);
            BOOST_TEST(end.has_value());
            BOOST_TEST(*end == 0U);
            const result<file_status> status = co_await opened->status();
            BOOST_TEST(status->size == 15U);
            BOOST_TEST(status->is_regular);
            BOOST_TEST(!status->is_directory);
            BOOST_TEST((std::chrono::system_clock::now() - status->modified < 1min));
        }
        co_await counts_return_to(before);
    };
    here.run(body());
    BOOST_TEST((std::filesystem::status(folder / "new").permissions() == std::filesystem::perms(0600)));
}

BOOST_AUTO_TEST_CASE(a_time_that_the_clock_cannot_tell_becomes_the_nearest_that_it_can,
                     *boost::unit_test::label("F-50"))
{
    const std::string path = folder / "text";
    const auto changed_at = [&](std::time_t seconds) -> task<std::chrono::system_clock::time_point> {
        const std::array<timespec, 2> times{timespec{.tv_sec = seconds, .tv_nsec = 0},
                                            timespec{.tv_sec = seconds, .tv_nsec = 999'999'999}};
        BOOST_REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
        const result<file> opened = co_await file::open(path, O_RDONLY);
        const result<file_status> status = co_await opened->status();
        co_return status->modified;
    };
    const auto body = [&]() -> task<> {
        using clock = std::chrono::system_clock;
        const clock::time_point in_2001 = co_await changed_at(1'000'000'000);
        BOOST_TEST((in_2001 == clock::time_point(1'000'000'000s + 999'999'999ns)));
        const clock::time_point in_1960 = co_await changed_at(-300'000'000);
        BOOST_TEST((in_1960 == clock::time_point(-300'000'000s + 999'999'999ns)));
        // Of the years 2400 and 2446; what a file system cannot store it clamps itself.
        for (const std::time_t later : {13'569'465'600, 15'032'385'535}) {
            const clock::time_point clamped = co_await changed_at(later);
            BOOST_TEST((clamped > clock::time_point(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1))));
        }
        const clock::time_point long_ago = co_await changed_at(-14'000'000'000);
        BOOST_TEST((long_ago < clock::time_point(std::chrono::sys_days(std::chrono::year(1902) / 1 / 1))));
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(reads_on_from_where_the_last_read_ended)
{
    const auto body = [&]() -> task<> {
        const result<file> opened = co_await file::open(folder / "text", O_RDONLY);
        std::array<std::byte, 4> buffer{};
        std::string all;
        while (true) {
            const result<std::size_t> count = co_await opened->read(buffer);
            BOOST_REQUIRE(count.has_value());
            if (*count == 0)
                break;
            all.append(reinterpret_cast<const char*>(buffer.data()), *count);
        }
        BOOST_TEST(all == "some text");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(reports_what_the_system_says)
{
    const auto body = [&]() -> task<> {
        const result<file> missing = co_await file::open(folder / "missing", O_RDONLY);
        BOOST_TEST(error_name(missing.error()) == "ENOENT");
        result<file> opened = co_await file::open(folder / "text", O_RDONLY);
        const std::string text = "x";
        const result<std::size_t> refused = co_await opened->write(bytes_of(text));
        BOOST_TEST(error_name(refused.error()) == "EBADF");
        const file moved = std::move(*opened);
        BOOST_TEST(opened->descriptor() == -1);
        std::array<std::byte, 1> buffer{};
        const result<std::size_t> nothing = co_await opened->read(buffer);
        BOOST_TEST(error_name(nothing.error()) == "EBADF");
        const result<file_status> unknown = co_await opened->status();
        BOOST_TEST(!unknown.has_value());
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(closing_is_awaited_and_tells_what_the_system_says)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        result<file> opened = co_await file::open(folder / "text", O_RDONLY);
        const result<> closed = co_await opened->close();
        BOOST_TEST(closed.has_value());
        BOOST_TEST(opened->descriptor() == -1);
        co_await counts_return_to(before);
        const result<> again = co_await opened->close();
        BOOST_TEST(error_name(again.error()) == "EBADF");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_file_is_closed_although_nobody_waits_for_it)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        for (int round = 0; round < 8; ++round) {
            std::vector<file> opened;
            for (int i = 0; i < 300; ++i) {  // more than the submission queue holds
                result<file> one = co_await file::open(folder / "text", O_RDONLY);
                opened.push_back(std::move(*one));
            }
            std::optional<scope> closers;
            closers.emplace();
            if (round % 2)
                closers->request_stop();
            for (file& each : opened)
                closers->spawn([&each, round]() -> task<> {
                    const result<> closed = co_await each.close();
                    BOOST_TEST((closed || (round % 2 && closed.error() == errc::canceled)));
                });
            for (int pass = 0; pass < round % 4; ++pass)
                co_await this_task::yield();
            closers.reset();
            for (const file& each : opened)
                BOOST_TEST((each.descriptor() == -1 || round % 4 == 0));
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_duplicate_goes_on_where_the_first_read_ended)
{
    const auto body = [&]() -> task<> {
        result<file> opened = co_await file::open(folder / "text", O_RDONLY);
        const result<file> copy = opened->duplicate();
        BOOST_REQUIRE(copy.has_value());
        std::array<std::byte, 5> buffer{};
        const result<std::size_t> first = co_await opened->read(buffer);
        BOOST_TEST(*first == 5U);
        const result<> closed = co_await opened->close();
        BOOST_TEST(closed.has_value());
        const result<std::size_t> rest = co_await copy->read(buffer);
        BOOST_TEST(*rest == 4U);
        BOOST_TEST(error_name(opened->duplicate().error()) == "EBADF");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_released_descriptor_belongs_to_the_caller)
{
    const auto body = [&]() -> task<> {
        result<file> opened = co_await file::open(folder / "text", O_RDONLY);
        const int descriptor = opened->release();
        BOOST_TEST(opened->descriptor() == -1);
        opened = file(-1);
        BOOST_TEST(::close(descriptor) == 0);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_path_that_holds_a_zero_byte_is_not_cut_short)
{
    const auto body = [&]() -> task<> {
        const std::string cut = (folder / "text").string() + std::string("\0x", 2);
        const result<file> misread = co_await file::open(cut, O_RDONLY);
        BOOST_TEST(error_name(misread.error()) == "EINVAL");
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(nothing_leads_out_of_the_folder)
{
    std::filesystem::create_directory(folder / "inside");
    std::ofstream(folder / "inside" / "good") << "good";
    std::filesystem::create_symlink("../text", folder / "inside" / "link");
    std::filesystem::create_symlink("good", folder / "inside" / "local");
    const auto body = [&]() -> task<> {
        const result<file> inside = co_await file::open(folder / "inside", O_RDONLY | O_DIRECTORY);
        const result<file_status> status = co_await inside->status();
        BOOST_TEST(status->is_directory);
        const result<file> good = co_await file::open_below(*inside, "good", O_RDONLY);
        BOOST_TEST(good.has_value());
        const result<file> local = co_await file::open_below(*inside, "local", O_RDONLY);
        BOOST_TEST(local.has_value());
        for (const char* path : {"../text", "link", "/etc/passwd", "../inside/good"}) {
            const result<file> out = co_await file::open_below(*inside, path, O_RDONLY);
            BOOST_TEST(error_name(out.error()) == "EXDEV");
        }
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(streams_wait_for_the_other_end)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        {
            const pipe_ends pipe = create_pipe().value();
            scope writers;
            writers.spawn([&pipe]() -> task<> {
                const result<> slept = co_await sleep_for(2ms);
                slept.value();
                const std::string text = "late";
                const result<std::size_t> written = co_await pipe.write_end.write(bytes_of(text));
                BOOST_TEST(written.has_value());
            });
            std::array<std::byte, 16> buffer{};
            const result<std::size_t> count = co_await pipe.read_end.read(buffer);
            BOOST_TEST(*count == 4U);
            co_await writers.join();
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_read_can_be_stopped_and_takes_nothing)
{
    const auto body = [&]() -> task<> {
        const pipe_ends pipe = create_pipe().value();
        const process_counts before = process_counts::now();
        std::array<std::byte, 16> buffer{};
        const result<std::size_t> none = co_await with_timeout(2ms, pipe.read_end.read(buffer));
        BOOST_TEST(none.error() == make_error_code(errc::timed_out));
        stop_source early;
        early.request_stop();
        const auto stopped = [&]() -> task<> {
            co_await internal::use_stop_token(early.token());
            const result<std::size_t> nothing = co_await pipe.read_end.read(buffer);
            BOOST_TEST(nothing.error() == make_error_code(errc::canceled));
            const result<file> unopened = co_await file::open(folder / "text", O_RDONLY);
            BOOST_TEST(unopened.error() == make_error_code(errc::canceled));
        };
        co_await stopped();
        co_await counts_return_to(before);
        const std::string text = "kept";
        const result<std::size_t> written = co_await pipe.write_end.write(bytes_of(text));
        BOOST_TEST(written.has_value());
        const result<std::size_t> count = co_await pipe.read_end.read(buffer);
        BOOST_TEST(*count == 4U);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(a_read_that_is_destroyed_lets_go_of_its_memory_at_once)
{
    const auto body = [&]() -> task<> {
        const pipe_ends pipe = create_pipe().value();
        const process_counts before = process_counts::now();
        for (int round = 0; round < 20; ++round) {
            auto buffer = std::make_unique<std::array<std::byte, 4096>>();
            std::optional<scope> readers;
            readers.emplace();
            readers->spawn([&pipe, &buffer]() -> task<> {
                const result<std::size_t> never = co_await pipe.read_end.read(*buffer);
                BOOST_TEST(!never.has_value());
            });
            const result<> slept = co_await sleep_for(round % 2 * 100us);
            slept.value();
            readers.reset();
            buffer.reset();  // the kernel must not write there any more
            const std::string text = "later";
            BOOST_REQUIRE(::write(pipe.write_end.descriptor(), text.data(), text.size()) == 5);
            std::array<std::byte, 16> kept{};
            const result<std::size_t> count = co_await pipe.read_end.read(kept);
            BOOST_TEST(*count == 5U);
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(no_descriptor_is_lost_when_opening_is_given_up)
{
    const auto body = [&]() -> task<> {
        const process_counts before = process_counts::now();
        for (int round = 0; round < 50; ++round) {
            std::optional<scope> openers;
            openers.emplace();
            scope killers;
            int opened = 0;
            for (int i = 0; i < 16; ++i)
                openers->spawn([&]() -> task<> {
                    const result<file> one = co_await file::open(folder / "text", O_RDONLY);
                    BOOST_TEST(one.has_value());
                    // The killer is ready before those that the next completions make ready.
                    if (++opened == round % 16)
                        killers.spawn([&openers]() -> task<> {
                            openers.reset();
                            co_return;
                        });
                });
            if (round % 16 == 0)
                killers.spawn([&openers]() -> task<> {
                    openers.reset();
                    co_return;
                });
            const result<> slept = co_await sleep_for(1ms);
            slept.value();
            openers.reset();
            co_await killers.join();
        }
        co_await counts_return_to(before);
    };
    here.run(body());
}

BOOST_AUTO_TEST_CASE(many_transfers_overlap)
{
    const auto body = [&]() -> task<> {
        const result<file> opened = co_await file::open(folder / "many", O_RDWR | O_CREAT);
        scope writers;
        for (int i = 0; i < 500; ++i)
            writers.spawn([&opened, i]() -> task<> {
                const std::string text(100, static_cast<char>('a' + i % 26));
                const result<std::size_t> written =
                    co_await opened->write_at(bytes_of(text), static_cast<std::uint64_t>(i) * 100);
                BOOST_TEST(*written == 100U);
            });
        co_await writers.join();
        std::vector<std::byte> all(50'000);
        const result<std::size_t> count = co_await opened->read_at(all, 0);
        BOOST_TEST(*count == all.size());
        bool right = true;
        for (std::size_t i = 0; i < all.size(); ++i)
            right = right && all[i] == static_cast<std::byte>('a' + i / 100 % 26);
        BOOST_TEST(right);
    };
    here.run(body());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
