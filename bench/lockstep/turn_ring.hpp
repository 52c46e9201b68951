#pragma once

#include <coil/runtime/internal/ring/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace bench::lockstep {

/// A ring that lets others have a turn where the loop would sleep: it is ready to wait, and its requests brought no news.
class turn_ring final : public coil::internal::ring {
public:
    explicit turn_ring(std::unique_ptr<coil::internal::ring> kernel) noexcept : kernel_(std::move(kernel)) {}

    /// @param turn  called in each `enter` from now on, until it returns false or throws.
    void begin(std::function<bool()> turn) noexcept { turn_ = std::move(turn); }

    /// Hands the requests over, gives the turn away, and takes what has come of it: two entries into the kernel where a loop
    /// that sleeps has one.
    void enter(std::optional<std::chrono::nanoseconds> wait) override;
    bool submit(const coil::internal::request& wanted) noexcept override;

    const coil::internal::capabilities& supported() const noexcept override { return kernel_->supported(); }
    int descriptor() const noexcept override { return kernel_->descriptor(); }
    bool has_news() const noexcept override { return kernel_->has_news(); }
    bool next(coil::internal::completion& taken) noexcept override;
    void cancel_now(std::uint64_t user_data) noexcept override { kernel_->cancel_now(user_data); }
    std::byte* buffer(std::uint16_t id) noexcept override { return kernel_->buffer(id); }
    void return_buffer(std::uint16_t id) noexcept override { kernel_->return_buffer(id); }
    unsigned buffers_lent() const noexcept override { return kernel_->buffers_lent(); }
    coil::internal::ring_counts counts() const noexcept override { return kernel_->counts(); }
    unsigned buffer_size() const noexcept override { return kernel_->buffer_size(); }
    void forget(int fd) noexcept override { kernel_->forget(fd); }

private:
    bool take_news();
    bool ends_wait(const coil::internal::completion& what) noexcept;

    std::unique_ptr<coil::internal::ring> kernel_;
    std::function<bool()> turn_;
    bool has_requests_ = false;
    std::vector<std::uint64_t> quiet_;  // sends whose success does not end a wait
    std::vector<coil::internal::completion> taken_;
    std::size_t passed_on_ = 0;  // of those
};

}  // namespace bench::lockstep
