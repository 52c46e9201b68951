#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace coil::test {

/// Bytes without a pattern, the same for the same seed.
class random_data {
public:
    explicit random_data(std::uint64_t seed) noexcept : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

    std::uint64_t next() noexcept;
    void fill(std::span<std::byte> bytes) noexcept;
    std::string text(std::size_t size);

private:
    std::uint64_t state_;
};

/// SHA-256 of what it was given.
class digest {
public:
    digest();
    ~digest();

    void add(std::span<const std::byte> bytes);
    /// In hex, of everything so far; once.
    std::string hex();

private:
    struct state;
    std::unique_ptr<state> state_;
};

std::string digest_of(std::string_view text);

}  // namespace coil::test
