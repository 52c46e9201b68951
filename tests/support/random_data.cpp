#include "tests/support/random_data.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstring>

namespace coil::test {

std::uint64_t random_data::next() noexcept
{
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;  // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_data::fill(std::span<std::byte> bytes) noexcept
{
    while (!bytes.empty()) {
        const std::uint64_t word = next();
        const std::size_t size = std::min(bytes.size(), sizeof word);
        std::memcpy(bytes.data(), &word, size);
        bytes = bytes.subspan(size);
    }
}

std::string random_data::text(std::size_t size)
{
    std::string bytes(size, '\0');
    fill(std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

struct digest::state {
    EVP_MD_CTX* context = EVP_MD_CTX_new();

    ~state() { EVP_MD_CTX_free(context); }
};

digest::digest() : state_(std::make_unique<state>())
{
    EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
}

digest::~digest() = default;

void digest::add(std::span<const std::byte> bytes)
{
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string digest::hex()
{
    std::array<unsigned char, 32> value{};
    EVP_DigestFinal_ex(state_->context, value.data(), nullptr);
    std::string text;
    for (const unsigned char byte : value) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

std::string digest_of(std::string_view text)
{
    digest all;
    all.add(std::as_bytes(std::span(text)));
    return all.hex();
}

}  // namespace coil::test
