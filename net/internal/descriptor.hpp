#pragma once

#include <utility>

namespace coil::net::internal {

/// An open socket's number, which is closed unless it is taken.
class descriptor {
public:
    explicit descriptor(int number = -1) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(other.take()) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() { close(); }

    int get() const noexcept { return number_; }
    int take() noexcept { return std::exchange(number_, -1); }
    void close() noexcept;
    /// Closes a connection so that its peer is told of a reset: an end would look as if nothing had been meant to come.
    void reset() noexcept;

private:
    int number_;
};

}  // namespace coil::net::internal
