#pragma once

#include "bench/load/connection.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace bench::questions {

/// How far the clients of a crowd are.
struct crowd_count {
    std::size_t connected = 0;
    /// Of those that do not read: whom the server has said something.
    std::size_t answered = 0;
    /// Handshake and one echo, by which the server has ended the handshake too.
    std::size_t finished = 0;
};

/// One client.
class crowd_client final : public session {
public:
    /// @param begins  whether it shakes hands as soon as it is connected.
    crowd_client(poller& poll, const target& to, crowd_count& count, bool begins = false);

    void ready() override;
    bool finished() const noexcept { return step_ == step::finished; }
    /// Once it is connected. @param reads  whether it reads what the server answers.
    void begin(bool reads);
    /// Where it did not read so far.
    void read_on();
    /// Ends its side in order.
    void end() { connection_.end(); }
    /// Makes its end a reset.
    void reset() { connection_.reset(); }

private:
    enum class step { connecting, connected, unread, handshake, request, answer, finished };

    bool go_on();

    connection connection_;
    crowd_count* count_;
    bool begins_;
    step step_ = step::connecting;
};

/// Many clients that do the same at the same time. They work only while one of its functions does. All of these throw
/// `failure` when a client meets anything unexpected, or when it takes too long.
class crowd {
public:
    crowd(const target& to, std::size_t size);
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    /// Ends all connections with a reset.
    ~crowd();

    /// Connects all of them, and no more.
    void connect();
    /// Begins all handshakes and does not wait for their ends, but until `done`, which is asked now and then.
    void begin_until(const std::function<bool()>& done);
    /// Begins all handshakes and waits until the server has answered everyone; nobody reads that.
    void begin_unread();
    /// Has all read what was not read, and waits until everyone has finished.
    void finish();
    /// Begins all handshakes at once. @return how long it took until everyone had finished.
    std::chrono::nanoseconds shake_hands();

private:
    void begin(bool reads, const std::function<bool()>& done, const char* what);
    void run(const std::function<bool()>& done, const char* what);

    target target_;
    std::size_t size_;
    poller poll_;
    crowd_count count_;
    std::vector<std::unique_ptr<crowd_client>> clients_;
};

}  // namespace bench::questions
