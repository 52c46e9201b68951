#pragma once

#include <coil/runtime/internal/ring/bell.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace coil::internal {

/// A bell in a simulated world, which it may outlive.
class simulated_bell final : public bell {
public:
    /// What the world knows of it.
    struct state {
        std::atomic<std::uint64_t> rung = 0;       ///< Since the last read.
        std::atomic<std::uint64_t> rung_ever = 0;  ///< Since it was made.
    };

    simulated_bell(int descriptor, std::shared_ptr<state> shared) noexcept
        : descriptor_(descriptor), shared_(std::move(shared))
    {
    }

    int descriptor() const noexcept override { return descriptor_; }
    void ring() noexcept override
    {
        ++shared_->rung;
        ++shared_->rung_ever;
    }

private:
    int descriptor_;
    std::shared_ptr<state> shared_;
};

}  // namespace coil::internal
