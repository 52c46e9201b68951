#pragma once

#include "bench/lockstep/workload.hpp"
#include "bench/openssl.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace bench::lockstep {

/// One connection to the server under test. Nothing here waits: what cannot go on says so, and is asked again when the
/// server has had its turn. Every byte is checked.
class client {
public:
    /// @param context  null: no TLS. It and `doing` must outlive the client.
    client(SSL_CTX* context, const workload& doing, std::uint16_t port) noexcept
        : context_(context), doing_(&doing), port_(port)
    {
    }
    client(client&& other) noexcept;
    client& operator=(client&&) = delete;
    ~client() { disconnect(); }

    /// Begins its part of a cycle. This is to connect, if the workload does so again and again, or the first time.
    void begin();
    /// Does what can be done now. @return whether its part is done.
    bool step();

private:
    enum class stage { closed, handshaking, opened, requesting, answered, ending };

    void connect();
    void disconnect() noexcept;
    bool shake_hands();
    void check_handshake() const;
    bool step_message();
    bool step_end();
    bool step_exchange(std::span<const std::byte> request, std::span<const std::byte> answer);
    bool step_download();
    bool step_upload();
    bool send_length();
    std::size_t write_some(std::span<const std::byte> bytes);
    void write_message(std::span<const std::byte> bytes);
    std::size_t read_some(std::span<std::byte> buffer);
    bool ended();
    void reset();

    SSL_CTX* context_;
    const workload* doing_;
    std::uint16_t port_;
    int descriptor_ = -1;
    openssl_ptr<SSL_SESSION> newest_;  // before the connection that may put another in its place
    bool resumes_ = false;
    openssl_ptr<SSL> ssl_;
    stage stage_ = stage::closed;
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
};

}  // namespace bench::lockstep
