#pragma once

#include <coil/runtime/internal/ring/ring.hpp>
#include <coil/runtime/internal/simulation/simulated_network.hpp>
#include <coil/runtime/internal/simulation/simulated_world.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/uio.h>

namespace coil::internal {

/// A ring without a kernel. It behaves like io_uring, at its roughest: completions come in any order, requests that
/// complete many times end early, cancellations race with what they cancel.
class simulated_ring final : public ring {
public:
    simulated_ring(simulated_world& world, simulated_network& network);
    ~simulated_ring() override;

    const capabilities& supported() const noexcept override { return supported_; }
    bool submit(const request& wanted) noexcept override;
    void enter(std::optional<std::chrono::nanoseconds> wait) override;
    bool next(completion& taken) noexcept override;
    void cancel_now(std::uint64_t user_data) noexcept override;

    std::byte* buffer(std::uint16_t id) noexcept override { return buffer_memory_.data() + id * buffer_stride(); }
    void return_buffer(std::uint16_t id) noexcept override;
    unsigned buffers_lent() const noexcept override { return buffers_lent_; }
    unsigned buffer_size() const noexcept override { return world_.options.receive_buffer_size; }
    ring_counts counts() const noexcept override { return counts_; }

    void forget(int fd) noexcept override;

private:
    enum class buffer_state : std::uint8_t { pooled, filled, lent };

    /// A request between its handing over and its last completion.
    struct pending {
        request wanted;
        std::uint64_t serial = 0;
        std::shared_ptr<simulated_socket> file;  // null for a bell, and for one of the system's
        std::vector<iovec> memory;               // of a send
        std::size_t total = 0;
        std::size_t done = 0;
        std::uint64_t print = 0;  // of the memory that nobody may touch meanwhile
        bool on_agenda = false;
    };

    std::size_t buffer_stride() const noexcept { return world_.options.receive_buffer_size + 64; }
    void hand_over();
    void hand_over(const request& wanted);
    void remember_memory(pending& of) const;
    std::uint64_t print_of(const pending& of) const noexcept;
    void attempt_later(pending& which);
    void attempt_now(std::uint64_t user_data, std::uint64_t serial);
    void attempt(pending& which);
    void accept(pending& which);
    void receive(pending& which);
    void receive_provided(pending& which);
    void send(pending& which);
    void connect(pending& which);
    void cancel(std::uint64_t target, std::uint64_t user_data);
    void end_cancelled(std::uint64_t target);
    void socket_changed(simulated_socket& which);

    /// The last completion of a request, which is gone then.
    void finish(pending& which, int result);
    void finish(pending& which, const completion& last);
    void post(const completion& what);
    /// What overflowed keeps its place before what comes later.
    bool queue_full() const noexcept
    {
        return !overflowed_.empty() || completions_.size() >= world_.options.completion_entries;
    }
    void flush_overflow();
    void check_quiet(const request& wanted) const;
    void settle_quiet();

    void hear(pending& which);
    void call_system(pending& which);
    bool poll_system();
    void give_up_after(simulated_world::time_point then);
    void give_up(const char* why);
    std::string describe_pending() const;

    simulated_world& world_;
    capabilities supported_;
    simulated_network& network_;
    std::deque<request> queued_;
    std::deque<completion> completions_;
    std::deque<completion> overflowed_;
    std::vector<completion> quiet_;     // succeeded, and nobody knows
    std::deque<completion> concluded_;  // of those, what `next` tells
    std::map<std::uint64_t, pending> pending_;
    std::unordered_map<const simulated_socket*, std::vector<std::uint64_t>> by_socket_;
    std::uint64_t next_serial_ = 1;
    std::uint64_t turns_ = 0;
    bool failed_ = false;

    std::vector<std::byte> buffer_memory_;
    std::vector<buffer_state> buffer_states_;
    std::deque<std::uint16_t> pool_;
    unsigned buffers_lent_ = 0;
    ring_counts counts_;
};

}  // namespace coil::internal
