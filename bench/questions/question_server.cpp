#include "bench/questions/question_server.hpp"

#include "bench/failure.hpp"
#include "bench/listener.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <thread>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench::questions {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr auto patience = 60s;
constexpr auto between_looks = 20ms;

std::vector<std::string> command_for(std::uint16_t report_to, const credentials& with, std::chrono::milliseconds wait,
                                     const std::vector<const question*>& prepared,
                                     const std::vector<const question*>& asked)
{
    std::vector<std::string> words =
        to_words({report_to, with.certificate_file(), with.key_file(), wait, prepared, asked});
    words.insert(words.begin(), "serve");
    return this_program(words);
}

std::vector<std::size_t> all_of(const json::array& questions, const char* key)
{
    std::vector<std::size_t> numbers;
    for (const json::value& one : questions)
        numbers.push_back(one.at(key).to_number<std::size_t>());
    return numbers;
}

}  // namespace

question_server::question_server(const credentials& with, const processors& where, std::chrono::milliseconds wait,
                                 const std::vector<const question*>& prepared,
                                 const std::vector<const question*>& asked)
    : listener_(listen_on(0)),
      process_("the server", command_for(port_of_listener(listener_), with, wait, prepared, asked), where.servers)
{
    try {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while ((control_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) < 0) {
            process_.check_running();
            if (std::chrono::steady_clock::now() >= deadline)
                throw failure("the server says nothing");
            pollfd waited = {listener_, POLLIN, 0};
            poll(&waited, 1, 100);
        }
        const timeval limit = {std::chrono::seconds(patience).count(), 0};
        setsockopt(control_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        port_ = static_cast<std::uint16_t>(std::stoul(read_line()));
    } catch (...) {
        close(control_);
        close(listener_);
        throw;
    }
}

question_server::~question_server()
{
    close(control_);
    close(listener_);
}

std::string question_server::read_line()
{
    std::string line;
    for (char one; line.empty() || line.back() != '\n'; line += one) {
        const ssize_t size = recv(control_, &one, 1, 0);
        if (size <= 0) {
            process_.check_running();
            throw failure("the server does not answer");
        }
    }
    return line;
}

std::string question_server::order(command what)
{
    const char word = static_cast<char>(what);
    if (send(control_, &word, 1, MSG_NOSIGNAL) != 1)
        process_.check_running();
    return read_line();
}

server_state question_server::tell()
{
    const json::value told = json::parse(order(command::tell));
    const json::array& questions = told.at("questions").as_array();
    return {told.at("connections").to_number<std::size_t>(), all_of(questions, "asked"), all_of(questions, "waiting")};
}

void question_server::wait_for_connections(std::size_t count)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (std::size_t last = 0; (last = tell().connections) != count; std::this_thread::sleep_for(between_looks))
        if (std::chrono::steady_clock::now() >= deadline)
            throw failure("the server has " + std::to_string(last) + " connections and not " + std::to_string(count));
}

double question_server::settled_memory(std::chrono::milliseconds calm)
{
    constexpr auto between = 250ms;
    constexpr auto longest = 20s;
    constexpr double close_enough = 128 * 1024;
    const auto looks = static_cast<std::size_t>(calm / between) + 1;
    std::deque<double> last;
    for (std::chrono::milliseconds passed{}; passed < longest; passed += between) {
        last.push_back(static_cast<double>(process_.memory()));
        if (last.size() > looks)
            last.pop_front();
        const auto [least, most] = std::ranges::minmax(last);
        if (last.size() == looks && most - least <= std::max(close_enough, most * 0.002))
            break;
        std::this_thread::sleep_for(between);
    }
    return last.back();
}

}  // namespace bench::questions
