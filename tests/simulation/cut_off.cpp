// Connections end in order and are cut off in every way there is, in both directions, and what the peer sees is an orderly
// end if and only if this side said that everything was sent.
#include "tests/simulation/scene.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/server.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace coil::test {
namespace {

/// What becomes of the side that sends.
enum class fate {
    ends,       // says that this was all, and waits for the peer's end
    goes,       // says so, and is gone at once
    answers,    // sends everything and reads the end of the peer, which it thereby answers
    returns,    // goes out of scope after a part
    fails,      // an exception leaves it after a part
    waits,      // sends a part and waits until something stops it, or for a while
    times_out,  // is stopped by a deadline anywhere
};

enum class event { none, stop, destroy, shut_down, clients_destroyed };

struct midway : std::exception {
    const char* what() const noexcept override { return "failed midway"; }
};

using message = std::vector<std::byte>;

/// Messages from one side to the other. Each is one write: who writes it, its size and its bytes.
struct direction {
    fate how = fate::ends;
    std::array<std::vector<message>, 2> of_writer;
    bool end_said = false;  // the program has taken what was sent for everything
    bool ended = false;     // and nothing kept that from leaving
    std::vector<std::byte> got;
    std::optional<std::error_code> seen;  // why the reader read no more
};

/// One connection: data goes one way, after a byte of the client's that tells which one it is.
struct exchange {
    bool is_upload = false;
    direction data;
};

struct story {
    scene& on;
    event what = event::none;
    std::uint16_t port = 0;
    std::vector<std::unique_ptr<exchange>> all;
};

constexpr std::size_t header_size = 4;

message header_of(std::size_t writer, std::size_t size)
{
    return {static_cast<std::byte>(writer), static_cast<std::byte>(size), static_cast<std::byte>(size >> 8),
            static_cast<std::byte>(size >> 16)};
}

task<> pause(scene& on)
{
    const bool pausing = on.chance(20);
    if (pausing)
        static_cast<void>(co_await sleep_for(on.random_time(std::chrono::milliseconds(5))));
}

template <class Socket>
task<bool> write_messages(scene& on, Socket& to, direction& what, std::size_t writer, std::size_t count)
{
    for (std::size_t i = 0; i < count; ++i) {
        const message& body = what.of_writer[writer][i];
        const message header = header_of(writer, body.size());
        const std::array<std::span<const std::byte>, 2> pieces{header, body};
        const result<std::size_t> written = co_await to.write(pieces);
        if (!written || *written < header.size() + body.size())
            co_return false;
        auto pausing = pause(on);
        co_await pausing;
    }
    co_return true;
}

template <class Socket>
task<> write_and_count(scene& on, Socket& to, direction& what, std::size_t writer, std::size_t& finished)
{
    auto writing = write_messages(on, to, what, writer, what.of_writer[writer].size());
    const bool all = co_await writing;
    finished += all;
}

/// Both writers at once. @return whether everything was written.
template <class Socket>
task<bool> write_all(scene& on, Socket& to, direction& what)
{
    std::size_t finished = 0;
    scope both;
    both.spawn(write_and_count(on, to, what, 0, finished));
    both.spawn(write_and_count(on, to, what, 1, finished));
    co_await both.join();
    co_return finished == 2;
}

template <class Socket>
task<> say_end(Socket& socket, direction& what)
{
    what.end_said = true;
    const result<> ended = co_await socket.end();
    what.ended = ended.has_value();
}

/// Two writers of one message each, and an end that is asked for while they wait.
template <class Socket>
task<> write_and_end(scene& on, Socket& to, direction& what)
{
    std::size_t finished = 0;
    scope all;
    for (std::size_t writer = 0; writer < 2; ++writer)
        all.spawn(write_and_count(on, to, what, writer, finished));
    all.spawn(say_end(to, what));
    co_await all.join();
}

template <class Socket>
task<> read_all(scene& on, Socket& from, direction& what)
{
    std::array<std::byte, 6000> buffer;
    while (!what.seen) {
        const std::size_t room = 1 + on.below(buffer.size());
        const result<std::size_t> size = co_await from.read(std::span(buffer).first(room));
        if (size)
            what.got.insert(what.got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
        else
            what.seen = size.error();
    }
}

/// Reads what is not meant to come. @return why there is no more.
template <class Socket>
task<std::error_code> read_end(Socket& from)
{
    std::array<std::byte, 100> buffer;
    std::error_code why;
    while (!why) {
        const result<std::size_t> size = co_await from.read(buffer);
        why = size.error();
    }
    co_return why;
}

bool is_short(const direction& what)
{
    return what.of_writer[0].size() == 1 && what.of_writer[1].size() == 1;
}

template <class Socket>
task<> send_whole(scene& on, Socket& socket, direction& what)
{
    const bool at_once = is_short(what) && on.chance(50);
    if (at_once) {
        auto both = write_and_end(on, socket, what);
        co_await both;
        co_return;
    }
    auto writing = write_all(on, socket, what);
    const bool all = co_await writing;
    if (!all)
        co_return;
    auto saying = say_end(socket, what);
    co_await saying;
}

/// Sends everything and is gone before the end can have left.
template <class Socket>
task<> send_and_go(scene& on, Socket& socket, direction& what)
{
    auto writing = write_all(on, socket, what);
    const bool all = co_await writing;
    if (!all)
        co_return;
    what.end_said = true;
    auto ending = with_timeout(std::chrono::nanoseconds(0), socket.end());
    const result<> ended = co_await ending;
    what.ended = ended || ended.error() == errc::timed_out;
}

template <class Socket>
task<> send_part(scene& on, Socket& socket, direction& what)
{
    const std::size_t count = what.of_writer[0].size();
    auto writing = write_messages(on, socket, what, 0, on.below(count + 1));
    static_cast<void>(co_await writing);
}

template <class Socket>
task<> send_and_answer(scene& on, Socket& socket, direction& what)
{
    auto writing = write_all(on, socket, what);
    const bool all = co_await writing;
    auto reading = read_end(socket);
    const std::error_code why = co_await reading;
    what.ended = what.end_said = all && why == errc::end_of_stream;
}

/// A result, so that it can be given a deadline.
template <class Socket>
task<result<>> send_in_time(scene& on, Socket& socket, direction& what)
{
    auto sending = send_whole(on, socket, what);
    co_await sending;
    co_return result<>();
}

template <class Socket>
task<> send(scene& on, Socket socket, direction& what)
{
    switch (what.how) {
    case fate::ends: {
        auto sending = send_whole(on, socket, what);
        co_await sending;
        auto reading = read_end(socket);
        static_cast<void>(co_await reading);
        break;
    }
    case fate::goes: {
        auto sending = send_and_go(on, socket, what);
        co_await sending;
        break;
    }
    case fate::answers: {
        auto sending = send_and_answer(on, socket, what);
        co_await sending;
        break;
    }
    case fate::returns:
    case fate::fails:
    case fate::waits: {
        auto sending = send_part(on, socket, what);
        co_await sending;
        if (what.how == fate::fails)
            throw midway();
        if (what.how == fate::waits)
            static_cast<void>(co_await sleep_for(std::chrono::milliseconds(80)));
        break;
    }
    case fate::times_out: {
        auto sending = with_timeout(on.random_time(std::chrono::milliseconds(30)), send_in_time(on, socket, what));
        static_cast<void>(co_await sending);
        break;
    }
    }
}

template <class Socket>
task<> end_first(Socket& socket)
{
    static_cast<void>(co_await socket.end());
}

/// Reads to the end; where the sender waits for that it ends its own side meanwhile.
template <class Socket>
task<> receive(scene& on, Socket socket, direction& what)
{
    scope ending;
    if (what.how == fate::answers)
        ending.spawn(end_first(socket));
    auto reading = read_all(on, socket, what);
    co_await reading;
    co_await ending.join();
}

struct over_tls {
    using socket = tls::socket;
    using server = tls::server;
    static constexpr const char* name = "cut_off";

    static server create(scene& on, std::function<task<>(socket)> handler)
    {
        tls::server_options options;
        options.secure_context = on.server_context;
        return tls::create_server(options, std::move(handler));
    }
    static socket connect(scene& on, std::uint16_t port)
    {
        tls::connect_options options;
        options.secure_context = on.client_context;
        options.host = "127.0.0.1";
        options.port = port;
        return tls::connect(std::move(options));
    }
    static auto open(socket& which) { return which.secure_connect(); }
};

struct over_tcp {
    using socket = net::socket;
    using server = net::server;
    static constexpr const char* name = "cut_off_plain";

    static server create(scene&, std::function<task<>(socket)> handler)
    {
        return net::create_server(net::server_options(), std::move(handler));
    }
    static socket connect(scene&, std::uint16_t port)
    {
        net::connect_options options;
        options.host = "127.0.0.1";
        options.port = port;
        return net::connect(std::move(options));
    }
    static auto open(socket& which) { return which.connect(); }
};

template <class Over>
task<> serve(story& all, typename Over::socket socket)
{
    std::array<std::byte, 1> number;
    const result<std::size_t> got = co_await socket.read(number);
    if (!got)
        co_return;
    exchange& mine = *all.all.at(std::to_integer<std::size_t>(number[0]));
    if (mine.is_upload) {
        auto receiving = receive(all.on, std::move(socket), mine.data);
        co_await receiving;
    } else {
        auto sending = send(all.on, std::move(socket), mine.data);
        co_await sending;
    }
}

template <class Over>
task<> client(story& all, std::size_t number)
{
    typename Over::socket socket = Over::connect(all.on, all.port);
    auto opening = Over::open(socket);
    const auto open = co_await opening;
    if (!open)
        co_return;
    const std::array<std::byte, 1> greeting{static_cast<std::byte>(number)};
    const result<std::size_t> greeted = co_await socket.write(greeting);
    if (!greeted)
        co_return;
    exchange& mine = *all.all.at(number);
    try {
        if (mine.is_upload) {
            auto sending = send(all.on, std::move(socket), mine.data);
            co_await sending;
        } else {
            auto receiving = receive(all.on, std::move(socket), mine.data);
            co_await receiving;
        }
    } catch (const midway&) {
    }
}

/// Takes the messages apart. @return whether they are all there; throws where one is none of the sender's.
bool is_whole(const direction& what, const std::string& name)
{
    std::array<std::size_t, 2> taken{};
    std::span<const std::byte> rest = what.got;
    while (rest.size() >= header_size) {
        const auto writer = std::to_integer<std::size_t>(rest[0]);
        require(writer < 2 && taken[writer] < what.of_writer[writer].size(), name + ": bytes of nobody");
        const message& next = what.of_writer[writer][taken[writer]];
        const message header = header_of(writer, next.size());
        require(std::equal(header.begin(), header.end(), rest.begin()), name + ": messages out of order");
        rest = rest.subspan(header_size);
        const std::size_t here = std::min(rest.size(), next.size());
        require(std::equal(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(here), next.begin()),
                name + ": a message was mixed with another");
        rest = rest.subspan(here);
        if (here < next.size())
            return false;
        ++taken[writer];
    }
    return rest.empty() && taken[0] == what.of_writer[0].size() && taken[1] == what.of_writer[1].size();
}

void check(const scene& on, const direction& what, const std::string& name)
{
    const bool whole = is_whole(what, name);
    if (!what.seen)
        return;  // the reader was destroyed, or was never there
    const std::string fate_text = " (" + std::to_string(static_cast<int>(what.how)) + ")";
    if (*what.seen == errc::end_of_stream) {
        require(what.end_said, name + ": an end that nobody said" + fate_text);
        require(whole, name + ": a part passed for the whole" + fate_text);
    } else if (what.ended && !on.is_rough() && *what.seen != errc::canceled) {
        fail(name + ": an orderly end was missed" + fate_text, *what.seen);
    }
}

void choose(scene& on, exchange& which)
{
    constexpr std::array all{fate::ends,  fate::ends,  fate::goes,    fate::answers,
                             fate::fails, fate::waits, fate::returns, fate::times_out};
    constexpr std::array<std::size_t, 4> sizes{1, 300, 20'000, 150'000};
    which.is_upload = on.chance(40);
    which.data.how = all[on.below(all.size())];
    for (std::vector<message>& each : which.data.of_writer) {
        const std::size_t count = 1 + on.below(3);
        for (std::size_t i = 0; i < count; ++i)
            each.push_back(on.random_bytes(sizes[on.below(sizes.size())]));
    }
}

void expect_midway(scene& on, const std::exception_ptr& failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (const midway&) {
    } catch (...) {
        on.note_failure(std::current_exception());
    }
}

template <class Over>
task<> happen(story& all, std::optional<typename Over::server>& server, std::optional<scope>& clients)
{
    static_cast<void>(co_await sleep_for(all.on.random_time(std::chrono::milliseconds(60))));
    switch (all.what) {
    case event::none: break;
    case event::stop: server->request_stop(); break;
    case event::destroy: server.reset(); break;
    case event::shut_down: {
        auto closing = server->shutdown(all.on.random_time(std::chrono::milliseconds(60)));
        static_cast<void>(co_await closing);
        break;
    }
    case event::clients_destroyed: clients.reset(); break;
    }
}

template <class Over>
task<> main_task(scene& on)
{
    constexpr std::array events{event::none,    event::none,      event::stop,
                                event::destroy, event::shut_down, event::clients_destroyed};
    story all{on, events[on.below(events.size())]};
    std::optional<typename Over::server> server(
        Over::create(on, [&all](typename Over::socket socket) { return serve<Over>(all, std::move(socket)); }));
    server->on_uncaught([&on](std::exception_ptr failure) { expect_midway(on, failure); });
    const result<> listening = server->listen({.host = "127.0.0.1"});
    require(listening.has_value(), "cut_off: listen");
    all.port = server->address()->port();
    std::optional<scope> clients(std::in_place);
    const std::size_t count = 1 + on.below(4);
    for (std::size_t i = 0; i < count; ++i) {
        all.all.push_back(std::make_unique<exchange>());
        choose(on, *all.all.back());
    }
    for (std::size_t i = 0; i < count; ++i)
        clients->spawn(client<Over>(all, i));
    auto happening = happen<Over>(all, server, clients);
    co_await happening;
    if (clients)
        co_await clients->join();
    if (server) {
        static_cast<void>(server->close());
        static_cast<void>(co_await server->closed());
    }
    for (const std::unique_ptr<exchange>& each : all.all)
        check(on, each->data, Over::name + std::string(each->is_upload ? ": upload" : ": download"));
}

}  // namespace

void play_cut_off(scene& on)
{
    on.run(main_task<over_tls>(on));
}

void play_cut_off_plain(scene& on)
{
    on.run(main_task<over_tcp>(on));
}

}  // namespace coil::test
