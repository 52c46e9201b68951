#include <coil/tls/internal/client_hello.hpp>

#include <coil/net/internal/plain_core.hpp>
#include <coil/tls/internal/connection.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace coil::tls::internal {
namespace {

constexpr std::byte handshake_record{22};
constexpr std::size_t record_header = 5;
constexpr std::size_t message_header = 4;
/// Longer ones are not waited for; what OpenSSL takes is shorter.
constexpr std::size_t longest_hello = 64 * 1024;
constexpr std::size_t most_unread = 2 * longest_hello;

std::size_t number(std::span<const std::byte> digits) noexcept
{
    std::size_t value = 0;
    for (const std::byte each : digits)
        value = value << 8 | std::to_integer<std::size_t>(each);
    return value;
}

/// Whether the records in `bytes` hold `size` bytes of a message.
bool records_hold(std::span<const std::byte> bytes, std::size_t size) noexcept
{
    std::size_t held = 0;
    while (held < size && bytes.size() > record_header) {
        const std::size_t length = number(bytes.subspan(3, 2));
        if (bytes.front() != handshake_record || length == 0)
            return true;  // an error that the engine has to find
        const std::size_t here = std::min(length, bytes.size() - record_header);
        held += here;
        bytes = bytes.subspan(record_header + here);
    }
    return held >= size;
}

}  // namespace

bool has_client_hello(const net::internal::transport& bytes)
{
    std::array<std::byte, record_header + message_header> begin{};
    const std::size_t got = bytes.peek(begin);
    if (got == 0)
        return false;
    if (begin[0] != handshake_record || bytes.unread() >= most_unread)
        return true;
    if (got >= record_header && number(std::span(begin).subspan(3, 2)) < message_header)
        return true;  // nobody splits the first four bytes; the engine may judge
    if (got < begin.size())
        return false;
    const std::size_t size = message_header + number(std::span(begin).subspan(record_header + 1, 3));
    if (size > longest_hello)
        return true;
    if (bytes.unread() < record_header + size)
        return false;
    if (number(std::span(begin).subspan(3, 2)) >= size)
        return true;
    std::vector<std::byte> all(bytes.unread());
    all.resize(bytes.peek(all));
    return records_hold(all, size);
}

bool client_hello_wait::attempt() noexcept
{
    const net::internal::transport* bytes = static_cast<net::internal::plain_core&>(*core_).bytes();
    if (!bytes || bytes->receive_error() || has_client_hello(*bytes))
        return true;
    core_->want_input();
    return false;
}

bool answer_wait::attempt() noexcept
{
    const result<bool> open = core_->open();
    if (!open)
        finish(open.error());
    return !open || *open || static_cast<connection&>(*core_).greeted();
}

}  // namespace coil::tls::internal
