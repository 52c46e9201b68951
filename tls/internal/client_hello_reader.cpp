#include <coil/tls/internal/client_hello_reader.hpp>

#include <algorithm>

namespace coil::tls::internal {
namespace {

std::string_view extension(SSL* ssl, unsigned type) noexcept
{
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &data, &size) != 1)
        return {};
    return {reinterpret_cast<const char*>(data), size};
}

std::size_t number(std::string_view digits) noexcept
{
    std::size_t value = 0;
    for (const char each : digits)
        value = value << 8 | static_cast<unsigned char>(each);
    return value;
}

/// What lies behind a length of `width` bytes that has to count all of it; empty where it does not.
std::string_view counted(std::string_view bytes, std::size_t width) noexcept
{
    if (bytes.size() < width || number(bytes.substr(0, width)) != bytes.size() - width)
        return {};
    return bytes.substr(width);
}

std::vector<std::uint16_t> numbers(std::string_view bytes)
{
    std::vector<std::uint16_t> all;
    all.reserve(bytes.size() / 2);
    for (; bytes.size() >= 2; bytes.remove_prefix(2))
        all.push_back(static_cast<std::uint16_t>(number(bytes.substr(0, 2))));
    return all;
}

/// Before TLS 1.3 a client names only the highest version that it has.
std::vector<std::uint16_t> versions(SSL* ssl)
{
    const std::string_view list = counted(extension(ssl, TLSEXT_TYPE_supported_versions), 1);
    if (!list.empty())
        return numbers(list);
    return {static_cast<std::uint16_t>(SSL_client_hello_get0_legacy_version(ssl))};
}

}  // namespace

std::string_view requested_name(SSL* ssl) noexcept
{
    // A list of names, each with its type and its length. Nobody sends more than one.
    const std::string_view entry = counted(extension(ssl, TLSEXT_TYPE_server_name), 2);
    if (entry.empty() || entry.front() != TLSEXT_NAMETYPE_host_name)
        return {};
    const std::string_view name = counted(entry.substr(1), 2);
    if (name.size() > TLSEXT_MAXLEN_host_name || name.find('\0') != std::string_view::npos)
        return {};
    return name;
}

std::string_view offered_protocols(SSL* ssl) noexcept
{
    const std::string_view list = counted(extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation), 2);
    for (std::string_view rest = list; !rest.empty();) {
        const std::size_t length = static_cast<unsigned char>(rest.front());
        if (length == 0 || length >= rest.size())
            return {};
        rest.remove_prefix(1 + length);
    }
    return list;
}

std::vector<std::string_view> offered_identities(SSL* ssl)
{
    constexpr char with_key_exchange = 1;
    const std::string_view modes = counted(extension(ssl, TLSEXT_TYPE_psk_kex_modes), 1);
    if (modes.find(with_key_exchange) == std::string_view::npos)
        return {};
    const std::string_view offer = extension(ssl, TLSEXT_TYPE_psk);
    if (offer.size() < 2)
        return {};
    std::string_view rest = offer.substr(2, number(offer.substr(0, 2)));
    std::vector<std::string_view> all;
    constexpr std::size_t age_size = 4;
    while (rest.size() >= 2) {
        const std::size_t size = number(rest.substr(0, 2));
        if (rest.size() < 2 + size + age_size)
            return {};
        all.push_back(rest.substr(2, size));
        rest.remove_prefix(2 + size + age_size);
    }
    return all;
}

std::vector<std::uint16_t> offered_cipher_suites(SSL* ssl)
{
    const unsigned char* bytes = nullptr;
    const std::size_t size = SSL_client_hello_get0_ciphers(ssl, &bytes);
    return numbers({reinterpret_cast<const char*>(bytes), size});
}

bool negotiates_tls13(SSL* ssl)
{
    const long highest = SSL_get_max_proto_version(ssl);
    if ((highest != 0 && highest < TLS1_3_VERSION) || (SSL_get_options(ssl) & SSL_OP_NO_TLSv1_3) != 0)
        return false;
    const std::vector<std::uint16_t> offered = versions(ssl);
    return std::find(offered.begin(), offered.end(), TLS1_3_VERSION) != offered.end();
}

client_hello read_client_hello(SSL* ssl)
{
    client_hello hello;
    const std::string_view protocols = offered_protocols(ssl);
    if (!protocols.empty())
        hello.alpn_protocols = alpn_protocol_list(std::as_bytes(std::span(protocols))).names();
    hello.cipher_suites = offered_cipher_suites(ssl);
    hello.groups = numbers(counted(extension(ssl, TLSEXT_TYPE_supported_groups), 2));
    hello.servername = requested_name(ssl);
    hello.signature_algorithms = numbers(counted(extension(ssl, TLSEXT_TYPE_signature_algorithms), 2));
    hello.versions = versions(ssl);
    return hello;
}

}  // namespace coil::tls::internal
