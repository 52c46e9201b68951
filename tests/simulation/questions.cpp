// Handshakes that ask, on both sides, coroutines that answer at once, late, wrongly or never, and whoever waits for them that
// goes meanwhile: who was answered well is secure, and nothing of the others stays.
#include "tests/simulation/scene.hpp"

#include <coil/runtime/internal/fiber_stack.hpp>
#include <coil/runtime/scope.hpp>
#include <coil/runtime/timer.hpp>
#include <coil/tls/connect.hpp>
#include <coil/tls/server.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace coil::test {
namespace {

constexpr std::chrono::seconds handshake_limit{20};
constexpr std::size_t staple_size = 1500;
constexpr std::string_view name_that_waits_for_ever = "never.example.com";

struct story {
    scene& on;
    std::uint16_t port = 0;
    int at_work = 0;
    std::size_t secure = 0;
};

class at_work {
public:
    explicit at_work(story& all) : all_(&all) { ++all.at_work; }
    at_work(const at_work&) = delete;
    ~at_work() { --all_->at_work; }

private:
    story* all_;
};

task<> take_time(story& all)
{
    if (all.on.chance(70))
        static_cast<void>(co_await sleep_for(all.on.random_time(std::chrono::milliseconds(20))));
}

std::unique_ptr<tls::server> make_server(story& all)
{
    tls::server_options options;
    options.handshake_timeout = handshake_limit;
    options.max_handshakes = all.on.chance(30) ? 1 : 0;
    options.secure_context = all.on.server_context;
    options.sni_callback = [&all](std::string name) -> task<tls::sni_answer> {
        const at_work counted(all);
        auto taking = take_time(all);
        co_await taking;
        if (name == name_that_waits_for_ever)
            static_cast<void>(co_await sleep_for(std::chrono::hours(1)));
        if (name == "throws.example.com")
            throw std::runtime_error("the program does not want this name");
        co_return std::nullopt;
    };
    options.alpn_callback = [&all](tls::alpn_request request) -> task<tls::alpn_answer> {
        const at_work counted(all);
        auto taking = take_time(all);
        co_await taking;
        if (request.protocols.front() == "foreign")
            co_return "something else";
        co_return request.protocols.back();
    };
    auto server =
        std::make_unique<tls::server>(tls::create_server(std::move(options), [&all](tls::socket peer) -> task<> {
            tls::socket kept = std::move(peer);
            ++all.secure;
            std::array<std::byte, 100> buffer;
            while (true) {
                const result<std::size_t> got = co_await kept.read(buffer);
                if (!got)
                    break;
                static_cast<void>(co_await kept.write(std::span<const std::byte>(buffer).first(*got)));
            }
        }));
    server->on_ocsp_request([&all]() -> task<tls::staple_answer> {
        const at_work counted(all);
        auto taking = take_time(all);
        co_await taking;
        if (all.on.chance(30))
            co_return std::nullopt;
        co_return std::vector<std::byte>(staple_size, std::byte{1});
    });
    server->on_uncaught([&all](std::exception_ptr failure) { all.on.note_failure(std::move(failure)); });
    return server;
}

tls::connect_options client_options(story& all, const std::string& mood)
{
    tls::connect_options options;
    options.alpn_protocols = mood == "foreign" ? tls::alpn_protocol_list{"foreign"} : tls::alpn_protocol_list{"a", "b"};
    options.handshake_timeout = handshake_limit;
    options.host = "127.0.0.1";
    options.port = all.port;
    options.secure_context = all.on.client_context;
    options.servername = mood == "never"    ? std::string(name_that_waits_for_ever)
                         : mood == "throws" ? std::string("throws.example.com")
                                            : std::string("localhost");
    options.check_server_identity = [&all, mood]() -> task<std::optional<tls::identity_error>> {
        const at_work counted(all);
        auto taking = take_time(all);
        co_await taking;
        if (mood == "wrong identity")
            co_return tls::identity_error{"ERR_WRONG", "somebody else", "localhost"};
        co_return std::nullopt;
    };
    options.request_ocsp = true;
    options.on_ocsp_response = [&all, mood](std::optional<std::vector<std::byte>> response) -> task<tls::ocsp_verdict> {
        const at_work counted(all);
        auto taking = take_time(all);
        co_await taking;
        require(!response || response->size() == staple_size, "questions: not what was stapled");
        if (mood == "stale")
            co_return tls::ocsp_verdict::refuse("ERR_STALE", "too old");
        co_return tls::ocsp_verdict::unchanged();
    };
    options.verify_peer = [&all, mood]() -> task<tls::verdict> {
        const at_work counted(all);
        auto taking = take_time(all);
        co_await taking;
        if (mood == "refused")
            co_return tls::verdict::refuse("ERR_REFUSED", "not wanted");
        co_return tls::verdict::unchanged();
    };
    return options;
}

task<> client(story& all)
{
    constexpr std::array moods{"good",   "good",           "good",    "foreign", "never",
                               "throws", "wrong identity", "refused", "stale"};
    const std::string mood = moods[all.on.below(moods.size())];
    tls::socket socket = tls::connect(client_options(all, mood));
    const result<> secure = co_await socket.secure_connect();
    require(!secure || mood == "good", "questions: a client is secure that was not answered well");
    if (!secure)
        co_return;
    require(socket.authorized() && socket.alpn_protocol() == "b", "questions: not what was answered");
    const result<std::size_t> written = co_await socket.write("hello");
    if (!written)
        co_return;
    std::array<std::byte, 5> buffer;
    static_cast<void>(co_await socket.read(buffer));
    static_cast<void>(co_await socket.end());
}

/// Somebody who leaves nobody in the middle of it: the good ones get through, unless the network does not let them.
task<> patient_client(story& all)
{
    tls::socket socket = tls::connect(client_options(all, "good"));
    const result<> secure = co_await socket.secure_connect();
    if (!secure)
        all.on.allow_loss(secure.error(), "questions: connect");
}

task<> main_task(story& all)
{
    std::unique_ptr<tls::server> server = make_server(all);
    const result<> listening = server->listen({.host = "127.0.0.1"});
    require(listening.has_value(), "questions: listen");
    all.port = server->address()->port();
    scope patient;
    patient.spawn(patient_client(all));
    co_await patient.join();
    std::array<std::optional<scope>, 3> clients;
    for (int steps = 0; steps < 10; ++steps) {
        std::optional<scope>& one = clients[all.on.below(clients.size())];
        if (all.on.chance(60)) {
            if (!one)
                one.emplace();
            one->spawn(client(all));
        } else if (all.on.chance(30) && one) {
            one->request_stop();
        } else {
            one.reset();  // destroys what its coroutines wait for
        }
        if (all.on.chance(10)) {
            server.reset();
            server = make_server(all);
            const result<> again = server->listen({.host = "127.0.0.1", .port = all.port});
            if (!again)
                fail("questions: listen again", again.error());
        }
        static_cast<void>(co_await sleep_for(all.on.random_time(std::chrono::milliseconds(30))));
    }
    for (std::optional<scope>& one : clients)
        if (one && all.on.chance(50))
            co_await one->join();
        else
            one.reset();
    server.reset();
    static_cast<void>(co_await sleep_for(std::chrono::milliseconds(1)));  // those of failed handshakes end a pass later
    require(all.at_work == 0, "questions: a handler is left of a server that is gone");
    require(coil::internal::fiber_stack_pool::of_thread().in_use() == 0, "questions: a stack is left");
}

}  // namespace

void play_questions(scene& on)
{
    story all{on};
    on.run(main_task(all));
}

}  // namespace coil::test
