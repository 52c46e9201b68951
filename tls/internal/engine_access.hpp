#pragma once

#include <coil/runtime/internal/chunk.hpp>
#include <coil/tls/engine.hpp>

namespace coil::tls::internal {

/// What the TLS socket needs of an engine beside its public face.
struct engine_access {
    /// The ciphertext for the transport, to be moved out without a copy.
    static coil::internal::chunk_queue& output(engine& from) noexcept;
    static const engine_state* state(const engine& of) noexcept { return of.state_.get(); }
    /// Says that the connection below has gone.
    static void close(engine& of) noexcept;
    /// What is asked of an engine that waits for an answer; `asked()` tells only the kind then.
    static tls::question take_question(engine& of) noexcept;
    /// Answers what was asked, whatever it is.
    static void give(engine& to, any_answer given);
    /// Whether the last read went through so many messages without data that others should have a turn.
    static bool worked_much(const engine& of) noexcept;
    /// Whether a read could only say that it needs input.
    static bool nothing_to_read(const engine& of) noexcept;
    /// Whether a handshake is under way, the first or that of a renegotiation.
    static bool in_handshake(const engine& of) noexcept;
    /// Whether the peer said with close_notify that nothing will follow.
    static bool peer_ended(const engine& of) noexcept;
};

}  // namespace coil::tls::internal
