#include "bench/questions/serve.hpp"

#include "bench/coil_listener.hpp"
#include "bench/questions/waiting_room.hpp"
#include "bench/usage_error.hpp"

#include <coil/net/connect.hpp>
#include <coil/net/socket.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/tls/tls.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>

#include <malloc.h>

namespace bench::questions {
namespace {

using coil::result;
using coil::task;
namespace json = boost::json;
namespace tls = coil::tls;

constexpr std::string_view asked_mark = "+";

tls::server listen(const serve_settings& given, waiting_room& room)
{
    server_parts parts;
    parts.context.cert = tls::file(given.certificate_file);
    parts.context.key = tls::file(given.key_file);
    // Who is held waits until all others are there too.
    parts.options.handshake_timeout = std::chrono::hours(1);
    for (const question* one : given.prepared)
        if (one->prepare_server)
            one->prepare_server(parts, given.certificate_file);
    for (const question* one : given.asked)
        one->ask(parts, room, static_cast<std::size_t>(one - question_table().data()));
    parts.options.secure_context = tls::create_secure_context(parts.context);
    tls::server made = listen_with_coil(protocol::echo, std::move(parts.options), 0);
    if (parts.tell)
        parts.tell(made);
    return made;
}

std::string state_text(const tls::server& server, const waiting_room& room)
{
    json::array questions;
    for (const question_count& one : room.counts())
        questions.push_back(json::object{{"asked", one.asked}, {"waiting", one.waiting}});
    return json::serialize(json::object{{"connections", server.connections()}, {"questions", std::move(questions)}});
}

std::string obey(char word, const tls::server& server, waiting_room& room)
{
    switch (static_cast<command>(word)) {
    case command::tell: return state_text(server, room) + "\n";
    case command::hold: room.hold(); break;
    case command::release: room.release(); break;
    case command::trim: malloc_trim(0); break;
    }
    return "\n";
}

task<bool> say(coil::net::socket& to, std::string line)
{
    const result<std::size_t> written = co_await to.write(std::as_bytes(std::span(line)));
    co_return written.has_value();
}

task<> serve_until_told(const serve_settings& given)
{
    waiting_room room(question_table().size(), given.wait);
    const tls::server server = listen(given, room);
    coil::net::connect_options where;
    where.host = "127.0.0.1";
    where.port = given.report_to;
    coil::net::socket owner = coil::net::connect(where);
    const coil::detailed_result<> connected = co_await owner.connect();
    connected.value();
    auto reporting = say(owner, std::to_string(server.address()->port()) + "\n");
    bool goes_on = co_await reporting;
    std::array<std::byte, 1> word;
    while (goes_on) {
        const result<std::size_t> read = co_await owner.read(word);
        if (!read)
            co_return;
        auto answering = say(owner, obey(static_cast<char>(word[0]), server, room));
        goes_on = co_await answering;
    }
}

template <class Number>
Number to_number(const std::string& text)
{
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        throw usage_error("not a number: " + text);
    return number;
}

}  // namespace

void serve(const serve_settings& given)
{
    coil::loop loop;
    loop.run(serve_until_told(given));
}

std::vector<std::string> to_words(const serve_settings& given)
{
    std::vector<std::string> words{std::to_string(given.report_to), given.certificate_file, given.key_file,
                                   std::to_string(given.wait.count())};
    for (const question* one : given.prepared) {
        const bool asked = std::ranges::find(given.asked, one) != given.asked.end();
        words.push_back(std::string(asked ? asked_mark : "") + std::string(one->name));
    }
    return words;
}

serve_settings to_serve_settings(const std::vector<std::string>& words)
{
    if (words.size() < 4)
        throw usage_error("usage: questions serve PORT CERTIFICATE KEY MILLISECONDS [[+]QUESTION...]");
    serve_settings given{to_number<std::uint16_t>(words[0]),
                         words[1],
                         words[2],
                         std::chrono::milliseconds(to_number<unsigned>(words[3])),
                         {},
                         {}};
    for (std::string_view word : std::span(words).subspan(4)) {
        const bool asked = word.starts_with(asked_mark);
        if (asked)
            word.remove_prefix(asked_mark.size());
        const question* const found = find_question(word);
        if (!found)
            throw usage_error("there is no question " + std::string(word));
        given.prepared.push_back(found);
        if (asked)
            given.asked.push_back(found);
    }
    return given;
}

}  // namespace bench::questions
