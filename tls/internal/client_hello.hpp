#pragma once

#include <coil/net/internal/stream_core.hpp>
#include <coil/net/internal/transport.hpp>

namespace coil::tls::internal {

/// Whether the first bytes of a connection are a whole ClientHello, or something that is none and never will be.
bool has_client_hello(const net::internal::transport& bytes);

/// Waits on the inside of a plain socket until there is a whole ClientHello, so that a client that says nothing, or says it
/// byte by byte, costs no more than what it sent. Also over when nothing will come any more.
class client_hello_wait final : public net::internal::stream_wait {
public:
    explicit client_hello_wait(const net::internal::core_reference& plain) noexcept : stream_wait(plain, reader_place())
    {
    }
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    result<> outcome_;
};

/// Waits until a connection has answered the ClientHello.
class answer_wait final : public net::internal::stream_wait {
public:
    explicit answer_wait(const net::internal::core_reference& connection) noexcept
        : stream_wait(connection, opener_place())
    {
    }
    result<> await_resume() const noexcept { return outcome_; }

private:
    bool attempt() noexcept override;
    void finish(std::error_code error) noexcept override { outcome_ = error; }

    result<> outcome_;
};

using client_hello_awaitable = coil::internal::awaitable<client_hello_wait, net::internal::core_reference>;
using answer_awaitable = coil::internal::awaitable<answer_wait, net::internal::core_reference>;

}  // namespace coil::tls::internal
