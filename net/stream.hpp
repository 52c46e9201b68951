#pragma once

#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace coil::net {

/// Bytes both ways: what `net::socket` and `tls::socket` are, and what TLS can run over.
///
/// `read` gives at least one byte, or an error, `errc::end_of_stream` after an orderly end. `write` takes all bytes unless
/// it is cancelled midway; it gives how many it took. `end` ends the sending side behind what was written. `destroy` drops
/// everything, and the peer sees no orderly end. Reads and writes may be in flight together.
template <class S>
concept stream = requires(S& s, std::span<std::byte> buffer, std::span<const std::byte> bytes) {
    requires std::same_as<await_result<decltype(s.read(buffer))>, result<std::size_t>>;
    requires std::same_as<await_result<decltype(s.write(bytes))>, result<std::size_t>>;
    requires std::same_as<await_result<decltype(s.end())>, result<>>;
    s.destroy();
};

/// A stream of any type, owned.
class any_stream {
public:
    template <stream S>
        requires(!std::same_as<S, any_stream>)
    any_stream(S inner) : inner_(std::make_unique<holder<S>>(std::move(inner)))
    {
    }

    /// As of the stream inside; see `stream`.
    task<result<std::size_t>> read(std::span<std::byte> buffer) { return inner_->read(buffer); }
    task<result<std::size_t>> write(std::span<const std::byte> bytes) { return inner_->write(bytes); }
    task<result<>> end() { return inner_->end(); }
    void destroy() { inner_->destroy(); }

private:
    struct interface {
        virtual ~interface() = default;
        virtual task<result<std::size_t>> read(std::span<std::byte> buffer) = 0;
        virtual task<result<std::size_t>> write(std::span<const std::byte> bytes) = 0;
        virtual task<result<>> end() = 0;
        virtual void destroy() = 0;
    };

    template <class S>
    struct holder final : interface {
        explicit holder(S stream_inside) : inner(std::move(stream_inside)) {}

        task<result<std::size_t>> read(std::span<std::byte> buffer) override
        {
            result<std::size_t> outcome = co_await inner.read(buffer);
            co_return outcome;
        }
        task<result<std::size_t>> write(std::span<const std::byte> bytes) override
        {
            result<std::size_t> outcome = co_await inner.write(bytes);
            co_return outcome;
        }
        task<result<>> end() override
        {
            result<> outcome = co_await inner.end();
            co_return outcome;
        }
        void destroy() override { inner.destroy(); }

        S inner;
    };

    std::unique_ptr<interface> inner_;
};

}  // namespace coil::net
