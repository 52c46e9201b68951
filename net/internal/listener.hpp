#pragma once

#include <coil/net/address.hpp>
#include <coil/net/internal/descriptor.hpp>
#include <coil/runtime/internal/operation.hpp>
#include <coil/runtime/internal/ring/system.hpp>
#include <coil/runtime/internal/timers.hpp>
#include <coil/runtime/result.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace coil::net {
struct listen_options;
}

namespace coil::net::internal {

/// A listening socket that accepts for as long as it exists.
///
/// When the process runs out of descriptors it gives up one it keeps in reserve, takes the next connection with it and
/// closes that one, so that the peer gets an answer and the loop does not spin; then it pauses for a moment. Where its socket
/// turns out not to accept at all it says so, once, and does nothing more.
class listener final : private coil::internal::completion_handler, private coil::internal::timer_node {
public:
    /// Called with each connected socket, from a completion handler.
    using accepted = std::function<void(descriptor connected)>;
    /// Called when it can accept no more, from a completion handler: it must not destroy the listener.
    using failed = std::function<void(std::error_code why)>;

    /// Binds and listens; accepts from the next turn on.
    /// @param no_delay  what is accepted has TCP_NODELAY set.
    static result<std::unique_ptr<listener>> open(const address& where, const listen_options& options, bool no_delay,
                                                  accepted call, failed give_up);

    listener(descriptor listening, accepted call, failed give_up, std::string path);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener();

    std::optional<address> local_address() const;

private:
    void complete(const coil::internal::completion& what, coil::internal::operation_memory*) noexcept override;
    void expire() noexcept override;
    coil::internal::request accept_request() const noexcept;
    void rearm(rearm_reason why);
    void give_up(int cause) noexcept;
    void refuse_one() noexcept;
    void pause() noexcept;
    void remove_path() noexcept;

    descriptor socket_;
    descriptor reserve_;
    accepted call_;
    failed give_up_;
    std::string path_;                          // of a Unix socket: removed with the listener,
    coil::internal::path_identity path_names_;  // as long as it names this
    coil::internal::operation accepting_;
};

}  // namespace coil::net::internal
