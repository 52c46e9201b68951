#include "bench/questions/crowd.hpp"

#include "bench/failure.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace bench::questions {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// So that a server with a short queue does not turn connections away.
constexpr std::size_t connected_at_once = 64;
/// Handshakes are begun so many at a time, between which the others go on.
constexpr std::size_t begun_at_once = 16;
constexpr auto longest_wait = 20ms;
constexpr std::byte message{'?'};

clock::time_point deadline_for(std::size_t clients)
{
    return clock::now() + 60s + std::chrono::milliseconds(10 * clients);
}

}  // namespace

crowd_client::crowd_client(poller& poll, const target& to, crowd_count& count, bool begins)
    : connection_(poll, *this, to), count_(&count), begins_(begins)
{
}

void crowd_client::ready()
{
    while (go_on()) {}
}

void crowd_client::begin(bool reads)
{
    step_ = reads ? step::handshake : step::unread;
    if (reads)
        ready();
    else
        connection_.open();
}

void crowd_client::read_on()
{
    if (step_ != step::unread)
        return;
    step_ = step::handshake;
    connection_.watch(true);
}

/// Takes one step. @return whether it is done, and the next one may be too.
bool crowd_client::go_on()
{
    switch (step_) {
    case step::connecting:
        if (!connection_.connect())
            return false;
        ++count_->connected;
        step_ = begins_ ? step::handshake : step::connected;
        return begins_;
    case step::connected: throw failure("the server said something, or ended, before a client did");
    case step::unread:
        ++count_->answered;
        connection_.watch(false);
        return false;
    case step::handshake:
        if (!connection_.open())
            return false;
        step_ = step::request;
        return true;
    case step::request:
        if (connection_.write({&message, 1}) == 0)
            return false;
        step_ = step::answer;
        return true;
    case step::answer: {
        std::byte answer;
        if (connection_.read({&answer, 1}) == 0)
            return false;
        if (answer != message)
            throw failure("the server sent something else than an echo");
        ++count_->finished;
        step_ = step::finished;
        return false;
    }
    case step::finished: {
        std::byte unexpected;
        if (connection_.read({&unexpected, 1}) != 0)
            throw failure("the server sent something without being asked");
        return false;
    }
    }
    return false;
}

crowd::crowd(const target& to, std::size_t size) : target_(to), size_(size)
{
    clients_.reserve(size);
}

crowd::~crowd()
{
    for (const std::unique_ptr<crowd_client>& one : clients_)
        one->reset();
}

void crowd::run(const std::function<bool()>& done, const char* what)
{
    const auto deadline = deadline_for(size_);
    bool is_done = false;
    poll_.run([&]() -> std::optional<clock::time_point> {
        const clock::time_point now = clock::now();
        is_done = done();
        return is_done || now >= deadline ? std::nullopt : std::optional(now + longest_wait);
    });
    if (!is_done)
        throw failure(std::string("the server takes too long until all clients ") + what);
}

void crowd::connect()
{
    while (clients_.size() < size_) {
        const std::size_t some = std::min(size_ - clients_.size(), connected_at_once);
        for (std::size_t i = 0; i < some; ++i)
            clients_.push_back(std::make_unique<crowd_client>(poll_, target_, count_));
        run([&] { return count_.connected == clients_.size(); }, "are connected");
    }
}

void crowd::begin(bool reads, const std::function<bool()>& done, const char* what)
{
    const auto deadline = deadline_for(size_);
    std::size_t begun = 0;
    poll_.run([&]() -> std::optional<clock::time_point> {
        const std::size_t end = std::min(begun + begun_at_once, size_);
        for (; begun < end; ++begun)
            clients_[begun]->begin(reads);
        return begun == size_ || clock::now() >= deadline ? std::nullopt : std::optional(clock::now());
    });
    run(done, what);
}

void crowd::begin_until(const std::function<bool()>& done)
{
    begin(true, done, "wait in the question");
}

void crowd::begin_unread()
{
    begin(false, [&] { return count_.answered == size_; }, "are answered");
}

void crowd::finish()
{
    for (const std::unique_ptr<crowd_client>& one : clients_)
        one->read_on();
    run([&] { return count_.finished == size_; }, "have finished");
}

std::chrono::nanoseconds crowd::shake_hands()
{
    const clock::time_point first = clock::now();
    begin(true, [&] { return count_.finished == size_; }, "have finished");
    return clock::now() - first;
}

}  // namespace bench::questions
