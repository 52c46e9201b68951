#pragma once

namespace coil::internal {

/// Wakes who waits for its descriptor. A read of eight bytes brings how often it was rung since the last.
class bell {
public:
    bell() = default;
    bell(const bell&) = delete;
    bell& operator=(const bell&) = delete;
    virtual ~bell() = default;

    virtual int descriptor() const noexcept = 0;
    /// From any thread.
    virtual void ring() noexcept = 0;
};

}  // namespace coil::internal
