// Each scene is played on the simulated ring and on the kernel's, and has to look the same.

#include <coil/runtime/internal/simulation/simulated_network.hpp>

#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/ring/uring.hpp>
#include <coil/runtime/simulation.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using coil::internal::completion;
using coil::internal::opcode;
using coil::internal::ring;
using coil::internal::system;

enum class family { tcp, unix_path };

std::ostream& operator<<(std::ostream& out, family which)
{
    return out << (which == family::tcp ? "TCP" : "Unix");
}

/// The two ends of a connection on a ring, by descriptors; what calls give is kept in order.
class scene {
public:
    scene(ring& of, system& calls, family which) : of_(of), calls_(calls)
    {
        sockaddr_storage where{};
        socklen_t size = 0;
        if (which == family::tcp) {
            auto& ip = reinterpret_cast<sockaddr_in&>(where);
            ip.sin_family = AF_INET;
            ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            size = sizeof ip;
        } else {
            folder_ = "/tmp/coilXXXXXX";
            BOOST_REQUIRE(::mkdtemp(folder_.data()) != nullptr);
            path_ = folder_ + "/socket";
            auto& local = reinterpret_cast<sockaddr_un&>(where);
            local.sun_family = AF_UNIX;
            path_.copy(local.sun_path, sizeof local.sun_path - 1);
            size = sizeof local;
        }
        listening_ = calls.socket(where.ss_family);
        BOOST_REQUIRE_EQUAL(calls.bind(listening_, reinterpret_cast<const sockaddr*>(&where), size), 0);
        BOOST_REQUIRE_EQUAL(calls.listen(listening_, 5), 0);
        if (which == family::tcp) {
            size = sizeof where;
            BOOST_REQUIRE_EQUAL(calls.local_address(listening_, where, size), 0);
        }
        client = calls.socket(where.ss_family);
        BOOST_REQUIRE_EQUAL(call({.code = opcode::connect, .fd = client, .address = &where, .length = size}), 0);
        while ((server = calls.accept_now(listening_)) == -EAGAIN)
            of.enter(1ms);
    }
    scene(const scene&) = delete;
    scene& operator=(const scene&) = delete;
    ~scene()
    {
        for (const int each : {client, server, listening_})
            if (each >= 0)
                close_on(each);
        if (folder_.empty())
            return;
        calls_.remove_path(path_.c_str());
        ::rmdir(folder_.c_str());
    }

    void send(int from)
    {
        saw(call({.code = opcode::send, .fd = from, .address = "four", .length = 4, .option = MSG_NOSIGNAL}));
        settle();
    }
    void receive(int at)
    {
        std::array<char, 100> room{};
        saw(call({.code = opcode::receive, .fd = at, .address = room.data(), .length = room.size()}));
        settle();
    }
    void shut_down(int which)
    {
        saw(call({.code = opcode::shut_down, .fd = which, .option = SHUT_WR}));
        settle();
    }
    void look_for_error(int at)
    {
        int error = 0;
        socklen_t size = sizeof error;
        BOOST_TEST(calls_.get_option(at, SOL_SOCKET, SO_ERROR, &error, size) == 0);
        saw(error);
    }
    void close(int& which)
    {
        close_on(std::exchange(which, -1));
        settle();
    }
    void reset_and_close(int& which)
    {
        const linger now{.l_onoff = 1, .l_linger = 0};
        calls_.set_option(which, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(which);
    }

    int client = -1;
    int server = -1;
    std::vector<int> seen;

private:
    void saw(int outcome) { seen.push_back(outcome); }

    int call(coil::internal::request wanted)
    {
        wanted.user_data = ++number_;
        while (!of_.submit(wanted))
            of_.enter(0ns);
        completion taken;
        while (true) {
            while (of_.next(taken))
                if (taken.user_data == number_)
                    return taken.result;
            of_.enter(std::nullopt);
        }
    }

    void close_on(int descriptor)
    {
        of_.forget(descriptor);
        calls_.close(descriptor);
    }

    /// What is on its way arrives.
    void settle() { of_.enter(2ms); }

    ring& of_;
    system& calls_;
    std::uint64_t number_ = 0;
    int listening_ = -1;
    std::string folder_;
    std::string path_;
};

/// What a scene looks like, which is to be the same on both rings.
std::vector<int> seen_in(family which, const std::function<void(scene&)>& play)
{
    coil::simulation world({.full_queue = 0, .longest_delay = 0ns, .short_read = 0, .short_write = 0, .split = 0});
    const std::unique_ptr<ring> simulated = world.make_ring();
    const std::unique_ptr<ring> kernel = coil::internal::make_uring({});
    scene imagined(*simulated, world.system(), which);
    scene real(*kernel, coil::internal::kernel_system(), which);
    play(imagined);
    play(real);
    BOOST_TEST(imagined.seen == real.seen, boost::test_tools::per_element());
    return real.seen;
}

void check(family which, const std::vector<int>& expected, const std::function<void(scene&)>& play)
{
    const std::vector<int> seen = seen_in(which, play);
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

const auto both_families = boost::unit_test::data::make({family::tcp, family::unix_path});

BOOST_AUTO_TEST_SUITE(internal_simulated_network_test)

BOOST_DATA_TEST_CASE(an_orderly_end_comes_behind_the_bytes, both_families, which)
{
    check(which, {4, 0, 4, 0, 0, 0}, [](scene& on) {
        on.send(on.client);
        on.shut_down(on.client);
        on.receive(on.server);
        on.receive(on.server);
        on.receive(on.server);
        on.look_for_error(on.server);
    });
}

BOOST_DATA_TEST_CASE(a_close_is_an_orderly_end_and_what_is_then_sent_meets_a_reset, both_families, which)
{
    const bool tcp = which == family::tcp;
    check(which, tcp ? std::vector{4, 4, 0, 4, -EPIPE, 0} : std::vector{4, 4, 0, -EPIPE, -EPIPE, 0}, [](scene& on) {
        on.send(on.client);
        on.close(on.client);
        on.receive(on.server);
        on.receive(on.server);
        on.send(on.server);
        on.send(on.server);
        on.receive(on.server);
    });
}

BOOST_AUTO_TEST_CASE(a_reset_is_told_once_behind_what_had_arrived)
{
    check(family::tcp, {4, 4, -ECONNRESET, 0, 0, -EPIPE}, [](scene& on) {
        on.send(on.client);
        on.reset_and_close(on.client);
        on.receive(on.server);
        on.receive(on.server);
        on.receive(on.server);
        on.look_for_error(on.server);
        on.send(on.server);
    });
}

BOOST_AUTO_TEST_CASE(a_reset_that_a_send_was_told_looks_like_an_end_to_the_receive)
{
    check(family::tcp, {-ECONNRESET, 0}, [](scene& on) {
        on.reset_and_close(on.client);
        on.send(on.server);
        on.receive(on.server);
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_a_connection_that_was_reset_fails)
{
    check(family::tcp, {-ENOTCONN, -ECONNRESET}, [](scene& on) {
        on.reset_and_close(on.client);
        on.shut_down(on.server);
        on.receive(on.server);
    });
}

BOOST_AUTO_TEST_CASE(a_reset_behind_an_orderly_end_does_not_change_it)
{
    check(family::tcp, {4, 0, 4, 0, EPIPE, 0}, [](scene& on) {
        on.send(on.client);
        on.shut_down(on.client);
        on.reset_and_close(on.client);
        on.receive(on.server);
        on.receive(on.server);
        on.look_for_error(on.server);
        on.receive(on.server);
    });
}

BOOST_AUTO_TEST_CASE(after_the_ends_of_both_sides_there_is_nothing_to_reset)
{
    check(family::tcp, {0, 0, 0, 0, 0, 0}, [](scene& on) {
        on.shut_down(on.client);
        on.receive(on.server);
        on.shut_down(on.server);
        on.receive(on.client);
        on.reset_and_close(on.client);
        on.look_for_error(on.server);
        on.receive(on.server);
    });
}

BOOST_DATA_TEST_CASE(a_close_with_bytes_unread_resets, both_families, which)
{
    check(which, {4, -ECONNRESET, 0, -EPIPE}, [](scene& on) {
        on.send(on.client);
        on.close(on.server);
        on.receive(on.client);
        on.receive(on.client);
        on.send(on.client);
    });
}

BOOST_AUTO_TEST_CASE(a_unix_socket_cannot_be_asked_for_a_reset)
{
    check(family::unix_path, {4, 4, 0, 0, -EPIPE}, [](scene& on) {
        on.send(on.client);
        on.reset_and_close(on.client);
        on.receive(on.server);
        on.receive(on.server);
        on.look_for_error(on.server);
        on.send(on.server);
    });
}

BOOST_AUTO_TEST_CASE(a_unix_socket_keeps_the_reset_for_the_receive)
{
    check(family::unix_path, {4, -EPIPE, -ECONNRESET, 0}, [](scene& on) {
        on.send(on.client);
        on.close(on.server);
        on.send(on.client);
        on.receive(on.client);
        on.receive(on.client);
    });
}

BOOST_AUTO_TEST_CASE(what_is_lost_with_a_reset_is_the_rear)
{
    std::array<unsigned, 3> outcomes{};  // nothing, a part and all of it arrived
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        coil::simulation world({.seed = seed, .short_read = 0, .short_write = 0, .split = 0.9});
        const std::unique_ptr<ring> of = world.make_ring();
        scene on(*of, world.system(), family::tcp);
        completion taken;
        const std::string text = "the rear is lost";
        while (!of->submit({.code = opcode::send, .fd = on.client, .address = text.data(), .length = 16, .user_data = 99}))
            of->enter(0ns);
        of->enter(std::nullopt);
        while (of->next(taken))
            continue;
        on.reset_and_close(on.client);
        int arrived = 0;
        while (on.seen.empty() || on.seen.back() > 0) {
            on.receive(on.server);
            arrived += std::max(on.seen.back(), 0);
        }
        BOOST_TEST(on.seen.back() == -ECONNRESET);
        ++outcomes.at(arrived == 0 ? 0U : arrived < 16 ? 1U : 2U);
    }
    for (const unsigned each : outcomes)
        BOOST_TEST(each > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
