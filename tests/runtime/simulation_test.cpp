#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/runtime/offload.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/simulation.hpp>
#include <coil/runtime/timer.hpp>

#include "tests/support/process_counts.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using coil::internal::completion;
using coil::internal::opcode;
using coil::internal::ring;
using system_calls = coil::internal::system;

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

const sockaddr* system_address(const sockaddr_in& address)
{
    return reinterpret_cast<const sockaddr*>(&address);
}

void hand_over(ring& to, const coil::internal::request& wanted)
{
    while (!to.submit(wanted))
        to.enter(0ns);
}

/// The next completion of this request.
completion wait_for(ring& from, std::uint64_t user_data)
{
    completion taken;
    while (true) {
        while (from.next(taken))
            if (taken.user_data == user_data)
                return taken;
        from.enter(std::nullopt);
    }
}

void close_on(ring& of, system_calls& calls, int descriptor)
{
    of.forget(descriptor);
    calls.close(descriptor);
}

/// A connection over `of`, by descriptors.
struct connection {
    connection(ring& of, system_calls& calls)
    {
        const sockaddr_in where = loopback(8000);
        listening = calls.socket(AF_INET);
        BOOST_REQUIRE_EQUAL(calls.bind(listening, system_address(where), sizeof where), 0);
        BOOST_REQUIRE_EQUAL(calls.listen(listening, 5), 0);
        client = calls.socket(AF_INET);
        hand_over(of, {.code = opcode::connect, .fd = client, .address = &where, .length = sizeof where, .user_data = 1});
        BOOST_REQUIRE_EQUAL(wait_for(of, 1).result, 0);
        while ((server = calls.accept_now(listening)) == -EAGAIN)
            of.enter(1ms);
    }

    int listening = -1;
    int client = -1;
    int server = -1;
};

/// Whether `what` stops the program, with this seed in its message.
bool stops_the_program(std::uint64_t seed, const std::function<void()>& what)
{
    std::array<int, 2> output{};
    BOOST_REQUIRE_EQUAL(::pipe(output.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(output[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        what();
        ::_exit(0);
    }
    ::close(output[1]);
    std::string said;
    std::array<char, 512> part{};
    for (ssize_t size = 0; (size = ::read(output[0], part.data(), part.size())) > 0;)
        said.append(part.data(), static_cast<std::size_t>(size));
    ::close(output[0]);
    int status = 0;
    BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
    BOOST_TEST_INFO(said);
    return WIFSIGNALED(status) && said.find("seed " + std::to_string(seed) + ":") != std::string::npos;
}

coil::task<> sleep_long()
{
    coil::result<> slept = co_await coil::sleep_for(3h);
    BOOST_TEST(slept.has_value());
}

coil::task<> nap(std::chrono::milliseconds time, std::string& order, char name)
{
    static_cast<void>(co_await coil::sleep_for(time));
    order += name;
}

coil::task<> naps(std::string& order)
{
    coil::scope scope;
    scope.spawn(nap(30ms, order, 'c'));
    scope.spawn(nap(10ms, order, 'a'));
    scope.spawn(nap(20ms, order, 'b'));
    co_await scope.join();
}

/// Waits for bytes that nobody sends.
coil::task<> wait_for_ever()
{
    coil::scope never;
    coil::stop_source unused;
    struct wait : coil::internal::stoppable_wait {
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) noexcept {}
        void await_resume() const noexcept {}
        void stopped() noexcept override {}
    } nothing;
    co_await nothing;
}

std::uint64_t hash_of_exchange(std::uint64_t seed)
{
    coil::simulation world(coil::any_weather(seed));
    std::string order;
    world.run(naps(order));
    return world.trace_hash();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(simulation_test)

BOOST_AUTO_TEST_CASE(time_jumps_to_the_next_event)
{
    const auto before = std::chrono::steady_clock::now();
    coil::simulation world;
    world.run(sleep_long());
    BOOST_TEST((std::chrono::steady_clock::now() - before < 1min));
    BOOST_TEST((world.report().elapsed >= 3h));
    BOOST_TEST((world.report().elapsed < 3h + 1s));
}

BOOST_AUTO_TEST_CASE(timers_expire_in_order)
{
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        coil::simulation world(coil::any_weather(seed));
        std::string order;
        world.run(naps(order));
        BOOST_TEST(order == "abc");
    }
}

BOOST_AUTO_TEST_CASE(a_wait_without_end_is_reported_and_does_not_hang)
{
    coil::simulation world({.seed = 77});
    const auto tells_the_seed = [](const coil::simulation_failure& failure) {
        return std::string(failure.what()).find("seed 77: nothing can happen any more") != std::string::npos;
    };
    BOOST_CHECK_EXCEPTION(world.run(wait_for_ever()), coil::simulation_failure, tells_the_seed);
}

BOOST_AUTO_TEST_CASE(a_run_that_takes_too_long_is_reported)
{
    coil::simulation world({.longest_run = 1h});
    BOOST_CHECK_THROW(world.run(sleep_long()), coil::simulation_failure);
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_program_leaves_run)
{
    coil::simulation world;
    const auto failing = []() -> coil::task<> {
        static_cast<void>(co_await coil::sleep_for(1ms));
        throw std::domain_error("mine");
    };
    BOOST_CHECK_THROW(world.run(failing()), std::domain_error);
    BOOST_TEST(world.open_descriptors() == 0U);
}

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_runs)
{
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        BOOST_TEST(hash_of_exchange(seed) == hash_of_exchange(seed));
        hashes.insert(hash_of_exchange(seed));
    }
    BOOST_TEST(hashes.size() == 20U);
}

BOOST_AUTO_TEST_CASE(blocking_calls_run_in_place)
{
    coil::simulation world;
    const auto asking = []() -> coil::task<std::thread::id> {
        auto asked = coil::offload([] { return std::this_thread::get_id(); });
        coil::result<std::thread::id> id = co_await asked;
        co_return id.value();
    };
    const std::thread::id id = world.run(asking());
    BOOST_TEST((id == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(a_simulated_loop_opens_no_descriptor_of_the_system)
{
    const std::size_t before = coil::test::open_descriptors();
    std::size_t during = 0;
    coil::simulation world;
    const auto counting = [](std::size_t& count) -> coil::task<> {
        count = coil::test::open_descriptors();
        coil::loop::current().post([] {});
        static_cast<void>(co_await coil::sleep_for(1ms));
    };
    world.run(counting(during));
    BOOST_TEST(during == before);
}

BOOST_AUTO_TEST_CASE(a_loop_may_be_known_longer_than_its_world)
{
    std::optional<coil::loop_handle> known;
    {
        coil::simulation world;
        const auto telling = [](std::optional<coil::loop_handle>& handle) -> coil::task<> {
            handle = coil::loop::current().handle();
            co_return;
        };
        world.run(telling(known));
    }
    BOOST_TEST(!known->post([] {}));
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused)
{
    BOOST_CHECK_THROW(coil::simulation({.receive_buffers = 3}), std::invalid_argument);
    BOOST_CHECK_THROW(coil::simulation({.completion_entries = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(coil::simulation({.full_queue = 1}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(bytes_arrive_whole_and_in_order_in_any_weather)
{
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        coil::simulation_options options = coil::any_weather(seed);
        options.connect_failure = 0;
        options.reset = 0;
        coil::simulation world(options);
        const auto of = world.make_ring();
        const connection both(*of, world.system());
        std::string sent;
        for (int i = 0; i < 3000; ++i)
            sent += static_cast<char>(i * 7 + i / 256);
        std::size_t from = 0;
        std::string got;
        std::array<char, 700> room{};
        hand_over(*of, {.code = opcode::send, .fd = both.client, .address = sent.data(), .length = 3000, .user_data = 10});
        hand_over(*of, {.code = opcode::receive, .fd = both.server, .address = room.data(), .length = room.size(), .user_data = 20});
        completion what;
        while (got.size() < sent.size()) {
            if (!of->next(what)) {
                of->enter(std::nullopt);
                continue;
            }
            BOOST_REQUIRE_GT(what.result, 0);
            if (what.user_data == 20) {
                got.append(room.data(), static_cast<std::size_t>(what.result));
                hand_over(*of, {.code = opcode::receive, .fd = both.server, .address = room.data(), .length = room.size(), .user_data = 20});
            } else if ((from += static_cast<std::size_t>(what.result)) < sent.size()) {
                hand_over(*of, {.code = opcode::send, .fd = both.client, .address = sent.data() + from,
                                .length = static_cast<std::uint32_t>(sent.size() - from), .user_data = 10});
            }
        }
        BOOST_TEST((got == sent));
        of->cancel_now(20);
    }
}

BOOST_AUTO_TEST_CASE(what_arrived_before_a_reset_can_be_read_and_the_error_is_told_once)
{
    coil::simulation world({.longest_delay = 0ns, .short_read = 0, .short_write = 0, .split = 0});
    const auto of = world.make_ring();
    const connection both(*of, world.system());
    std::array<char, 4> room{};
    hand_over(*of, {.code = opcode::send, .fd = both.client, .address = "four", .length = 4, .user_data = 2});
    BOOST_TEST(wait_for(*of, 2).result == 4);
    of->enter(1ms);  // it has arrived
    const linger now{.l_onoff = 1, .l_linger = 0};
    world.system().set_option(both.client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_on(*of, world.system(), both.client);
    of->enter(1ms);
    for (const int expected : {4, -ECONNRESET, 0}) {
        hand_over(*of, {.code = opcode::receive, .fd = both.server, .address = room.data(), .length = 4, .user_data = 3});
        BOOST_TEST(wait_for(*of, 3).result == expected);
    }
    hand_over(*of, {.code = opcode::send, .fd = both.server, .address = "x", .length = 1, .option = MSG_NOSIGNAL, .user_data = 4});
    BOOST_TEST(wait_for(*of, 4).result == -EPIPE);
}

BOOST_AUTO_TEST_CASE(a_socket_lives_as_long_as_an_operation_on_it)
{
    coil::simulation world;
    const auto of = world.make_ring();
    const sockaddr_in where = loopback(8000);
    const int first = world.system().socket(AF_INET);
    BOOST_TEST(world.system().bind(first, system_address(where), sizeof where) == 0);
    BOOST_TEST(world.system().listen(first, 5) == 0);
    hand_over(*of, {.code = opcode::accept, .fd = first, .user_data = 9});
    of->enter(1ms);
    close_on(*of, world.system(), first);
    const int second = world.system().socket(AF_INET);
    BOOST_TEST(world.system().bind(second, system_address(where), sizeof where) == -EADDRINUSE);
    of->cancel_now(9);
    BOOST_TEST(world.system().bind(second, system_address(where), sizeof where) == 0);
}

BOOST_AUTO_TEST_CASE(both_outcomes_of_a_cancel_race_happen)
{
    std::size_t cancelled = 0;
    std::size_t completed = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        coil::simulation world({.seed = seed});
        const auto of = world.make_ring();
        const connection both(*of, world.system());
        char room = 0;
        hand_over(*of, {.code = opcode::receive, .fd = both.server, .address = &room, .length = 1, .user_data = 5});
        hand_over(*of, {.code = opcode::send, .fd = both.client, .address = "x", .length = 1, .user_data = 6});
        hand_over(*of, {.code = opcode::cancel, .offset = 5, .user_data = 7});
        const int result = wait_for(*of, 5).result;
        BOOST_TEST((result == 1 || result == -ECANCELED));
        ++(result == 1 ? completed : cancelled);
    }
    BOOST_TEST(cancelled > 0U);
    BOOST_TEST(completed > 0U);
}

BOOST_AUTO_TEST_CASE(misuse_stops_the_program_and_tells_the_seed)
{
    const auto with = [](const std::function<void(ring&, system_calls&, const connection&)>& what) {
        return [what] {
            coil::simulation world({.longest_delay = 0ns, .seed = 31});
            const auto of = world.make_ring();
            const connection both(*of, world.system());
            what(*of, world.system(), both);
        };
    };
    BOOST_TEST(stops_the_program(31, with([](ring& of, system_calls&, const connection&) { of.return_buffer(0); })));
    BOOST_TEST(stops_the_program(31, with([](ring& of, system_calls& calls, const connection& both) {
        close_on(of, calls, both.client);
        close_on(of, calls, both.client);
    })));
    BOOST_TEST(stops_the_program(31, with([](ring& of, system_calls& calls, const connection& both) {
        close_on(of, calls, both.client);
        hand_over(of, {.code = opcode::send, .fd = both.client, .address = "x", .length = 1, .user_data = 3});
        of.enter(0ns);
    })));
    BOOST_TEST(stops_the_program(31, with([](ring& of, system_calls&, const connection& both) {
        char room = 0;
        hand_over(of, {.code = opcode::receive, .fd = both.server, .address = &room, .length = 1, .user_data = 3});
        of.enter(0ns);
        room = 1;
        hand_over(of, {.code = opcode::send, .fd = both.client, .address = "x", .length = 1, .user_data = 4});
        wait_for(of, 3);
    })));
    BOOST_TEST(!stops_the_program(31, with([](ring& of, system_calls& calls, const connection& both) {
        close_on(of, calls, both.client);
    })));
}

BOOST_AUTO_TEST_SUITE_END()
