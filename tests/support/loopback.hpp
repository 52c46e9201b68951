#pragma once

#include <coil/net/socket.hpp>
#include <coil/runtime/task.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coil::test {

/// A folder that is removed with what is in it.
class temporary_folder {
public:
    temporary_folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "coilXXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    std::string operator/(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// How two sockets are connected.
enum class wire { pair, tcp, tcp_v6, unix_path };

inline std::ostream& operator<<(std::ostream& out, wire kind)
{
    constexpr std::array names{"socketpair", "TCP over IPv4", "TCP over IPv6", "Unix path"};
    return out << names.at(static_cast<std::size_t>(kind));
}

/// Two descriptors of sockets that are connected with each other.
inline std::array<int, 2> connected_descriptors(wire kind = wire::tcp)
{
    if (kind == wire::pair) {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        return ends;
    }
    const temporary_folder folder;
    net::address where = *net::address::parse("127.0.0.1", 0);
    if (kind == wire::tcp_v6)
        where = *net::address::parse("::1", 0);
    else if (kind == wire::unix_path)
        where = *net::address::of_path(folder / "socket");
    const int family = where.system_address()->sa_family;
    const int listening = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BOOST_REQUIRE(::bind(listening, where.system_address(), where.system_size()) == 0);
    BOOST_REQUIRE(::listen(listening, 1) == 0);
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    BOOST_REQUIRE(::getsockname(listening, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    const int first = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BOOST_REQUIRE(::connect(first, reinterpret_cast<const sockaddr*>(&bound), size) == 0);
    const int second = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    BOOST_REQUIRE(second >= 0);
    ::close(listening);
    return {first, second};
}

/// Two sockets that are connected with each other.
class socket_pair {
public:
    explicit socket_pair(wire kind = wire::tcp, net::socket_options options = {})
        : socket_pair(connected_descriptors(kind), options)
    {
    }

    net::socket near;
    net::socket far;

private:
    socket_pair(std::array<int, 2> ends, net::socket_options options) : near(ends[0], options), far(ends[1], options) {}
};

/// The bytes of `text`.
inline std::span<const std::byte> bytes_of(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

inline std::string text_of(std::span<const std::byte> bytes)
{
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// A stream of bytes without a period that a lost or doubled block could hide in.
class byte_pattern {
public:
    /// The bytes from `offset` on. @param stream  tells several streams apart.
    static void fill(std::span<std::byte> target, std::uint64_t offset, std::uint64_t stream = 0)
    {
        std::size_t i = 0;
        for (; i < target.size() && (offset + i) % 8 != 0; ++i)
            target[i] = at(offset + i, stream);
        for (; i + 8 <= target.size(); i += 8) {
            const std::uint64_t word = word_at((offset + i) / 8, stream);
            std::memcpy(target.data() + i, &word, 8);
        }
        for (; i < target.size(); ++i)
            target[i] = at(offset + i, stream);
    }

    static bool matches(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t stream = 0)
    {
        std::vector<std::byte> expected(bytes.size());
        fill(expected, offset, stream);
        return std::equal(expected.begin(), expected.end(), bytes.begin(), bytes.end());
    }

private:
    static std::uint64_t word_at(std::uint64_t index, std::uint64_t stream)
    {
        std::uint64_t word = (index + (stream << 48) + 1) * 0x9e3779b97f4a7c15U;
        word ^= word >> 29;
        return word * 0xbf58476d1ce4e5b9U;
    }
    static std::byte at(std::uint64_t offset, std::uint64_t stream)
    {
        return static_cast<std::byte>(word_at(offset / 8, stream) >> (offset % 8 * 8));
    }
};

/// Writes `size` bytes of a pattern in pieces of `piece` bytes.
inline task<> write_pattern(net::socket& to, std::uint64_t size, std::size_t piece, std::uint64_t stream = 0)
{
    std::vector<std::byte> bytes(piece);
    for (std::uint64_t offset = 0; offset < size;) {
        const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(piece, size - offset));
        const std::span<std::byte> now = std::span(bytes).first(length);
        byte_pattern::fill(now, offset, stream);
        const result<std::size_t> written = co_await to.write(now);
        BOOST_REQUIRE_MESSAGE(written.has_value(), written.error().message());
        BOOST_REQUIRE(*written == length);
        offset += length;
    }
}

/// Reads to the end of the stream and checks that it is a pattern of `size` bytes.
inline task<> read_pattern(net::socket& from, std::uint64_t size, std::size_t piece, std::uint64_t stream = 0)
{
    std::vector<std::byte> buffer(piece);
    std::uint64_t offset = 0;
    bool same = true;
    while (true) {
        const result<std::size_t> count = co_await from.read(buffer);
        if (!count) {
            BOOST_TEST(count.error() == make_error_code(errc::end_of_stream));
            break;
        }
        same = same && byte_pattern::matches(std::span(buffer).first(*count), offset, stream);
        offset += *count;
    }
    BOOST_TEST(same);
    BOOST_TEST(offset == size);
}

}  // namespace coil::test
