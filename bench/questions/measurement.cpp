#include "bench/questions/measurement.hpp"

#include "bench/failure.hpp"
#include "bench/load/load.hpp"
#include "bench/questions/arrivals.hpp"
#include "bench/questions/crowd.hpp"
#include "bench/questions/question_server.hpp"
#include "bench/questions/short_turns.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace bench::questions {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = 60s;
constexpr auto calm = 500ms;
/// Longer than coil lets free stacks rest before it returns them.
constexpr auto calm_at_the_end = 1750ms;
constexpr std::array shares{0.5, 0.99, 0.999};
/// After the first handshakes a server has what it keeps for all.
constexpr std::size_t first_handshakes = 8;

const scenario& client_scenario()
{
    return *find_scenario("handshake-13-ecdsa");
}

scenario echoes_of_others()
{
    scenario of = *find_scenario("storm");
    of.connections = others;
    return of;
}

std::chrono::nanoseconds to_time(double seconds)
{
    return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

bool asks(const row& of, std::size_t number)
{
    return std::ranges::find(of.asked, &question_table()[number]) != of.asked.end();
}

/// Each question of the row once for each handshake, and no other. @return the counts.
asked_counts check_asked(question_server& server, const row& of, std::size_t handshakes)
{
    const asked_counts asked = server.tell().asked;
    for (std::size_t i = 0; i < asked.size(); ++i)
        if (const std::size_t expected = asks(of, i) ? handshakes : 0; asked[i] != expected)
            throw failure("the server asked " + std::string(question_table()[i].name) + " " + std::to_string(asked[i]) +
                          " times and not " + std::to_string(expected) + " times");
    return asked;
}

/// Whether so many handshakes wait in each question of this row, and so many more have done so. The server is not asked more
/// often than is good for one that is being measured.
class waiting_watch {
public:
    waiting_watch(question_server& server, const row& of, std::size_t waiting, std::size_t done)
        : server_(&server), row_(&of), waiting_(waiting), done_(done)
    {
    }

    bool operator()()
    {
        const clock::time_point now = clock::now();
        if (now < next_)
            return false;
        next_ = now + 50ms;
        return is_so();
    }
    bool is_so() const
    {
        const server_state state = server_->tell();
        for (std::size_t i = 0; i < state.asked.size(); ++i)
            if (asks(*row_, i) && (state.waiting[i] != waiting_ || state.asked[i] != waiting_ + done_))
                return false;
        return true;
    }

private:
    question_server* server_;
    const row* row_;
    std::size_t waiting_;
    std::size_t done_;
    clock::time_point next_{};
};

/// Opens connections that will echo. A client of TLS 1.3 has shaken hands before its server is asked about its certificate.
void open_others(load& echoing, question_server& server, const row& of)
{
    echoing.open();
    const waiting_watch all_answered(server, of, 0, others);
    for (const auto deadline = clock::now() + patience; !all_answered.is_so(); std::this_thread::sleep_for(10ms))
        if (clock::now() >= deadline)
            throw failure("the server takes too long to answer those that will echo");
}

}  // namespace

std::vector<row> rows_of(const std::vector<const question*>& chosen)
{
    std::vector<row> rows{{"no handler", {}}};
    for (const question* one : chosen)
        rows.push_back({std::string(one->name), {one}});
    if (chosen.size() > 1)
        rows.push_back({"all in turn", chosen});
    return rows;
}

measurement::measurement(const questions_options& options)
    : options_(&options),
      credentials_(client_scenario().key),
      where_(choose_processors()),
      clients_(make_client_context(client_scenario(), credentials_.certificate_file().string()))
{
    for (const question* one : options.questions)
        if (one->prepare_client)
            one->prepare_client(clients_.get(), credentials_);
}

target measurement::target_at(std::uint16_t port) const
{
    return {port, protocol::echo, clients_.get(), &client_scenario(), "localhost"};
}

time_round measurement::measure_time(const row& of) const
{
    const std::size_t handshakes = options_->handshakes;
    question_server server(credentials_, where_, options_->wait, options_->questions, of.asked);
    crowd clients(target_at(server.port()), handshakes);
    clients.connect();
    server.wait_for_connections(handshakes);
    const std::chrono::nanoseconds before = server.cpu_time();
    const std::chrono::duration<double> took = clients.shake_hands();
    const std::chrono::duration<double, std::nano> cpu = server.cpu_time() - before;
    return {took.count(), cpu.count() / static_cast<double>(handshakes), check_asked(server, of, handshakes)};
}

memory_round measurement::measure_memory(const row& of) const
{
    const std::size_t handshakes = options_->handshakes;
    question_server server(credentials_, where_, options_->wait, options_->questions, of.asked);
    {
        crowd first(target_at(server.port()), first_handshakes);
        first.connect();
        first.shake_hands();
    }
    server.wait_for_connections(0);
    const double before = server.settled_memory(calm);
    memory_round found;
    {
        server.hold();
        crowd clients(target_at(server.port()), handshakes);
        clients.connect();
        if (of.asked.empty())
            clients.begin_unread();
        else
            clients.begin_until(waiting_watch(server, of, handshakes, first_handshakes));
        found.waiting = (server.settled_memory(calm) - before) / static_cast<double>(handshakes);
        server.release();
        clients.finish();
    }
    server.wait_for_connections(0);
    found.kept = (server.settled_memory(calm_at_the_end) - before) / static_cast<double>(handshakes);
    server.trim();
    found.left = (server.settled_memory(calm) - before) / static_cast<double>(handshakes);
    found.asked = check_asked(server, of, handshakes + first_handshakes);
    return found;
}

others_round measurement::measure_arrivals(const row& of) const
{
    question_server server(credentials_, where_, options_->wait, options_->questions, of.asked);
    load echoing(echoes_of_others(), target_at(server.port()), options_->echoes);
    open_others(echoing, server, of);
    arrivals arriving(target_at(server.port()), options_->arrivals);
    const short_turns before_the_arrivals;
    // Until as many end as begin.
    echoing.run(2 * options_->wait * std::max<std::size_t>(of.asked.size(), 1) + 200ms);
    echoing.took().forget();
    const std::size_t before = arriving.done();
    const clock::time_point first = clock::now();
    echoing.run(to_time(options_->seconds));
    const std::chrono::duration<double> took = clock::now() - first;
    const std::size_t ended = arriving.done() - before;
    const std::size_t all = arriving.end();
    return {echoing.took().at(shares), static_cast<double>(ended) / took.count(),
            check_asked(server, of, all + others)};
}

others_round measurement::measure_parked(const row& of) const
{
    const std::size_t handshakes = options_->handshakes;
    question_server server(credentials_, where_, options_->wait, options_->questions, of.asked);
    load echoing(echoes_of_others(), target_at(server.port()), options_->echoes);
    open_others(echoing, server, of);
    server.hold();
    const waiting_watch all_wait(server, of, handshakes, others);
    crowd clients(target_at(server.port()), handshakes);
    clients.connect();
    if (of.asked.empty())
        clients.shake_hands();
    else
        clients.begin_until(all_wait);
    const short_turns as_in_other_measurements;
    echoing.run(200ms);
    echoing.took().forget();
    echoing.run(to_time(options_->seconds));
    if (!all_wait.is_so())
        throw failure("not all handshakes waited in " + of.name + " until the end");
    return {echoing.took().at(shares), 0, check_asked(server, of, handshakes + others)};
}

}  // namespace bench::questions
