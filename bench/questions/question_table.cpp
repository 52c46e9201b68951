#include "bench/questions/question_table.hpp"

#include "bench/failure.hpp"
#include "bench/openssl.hpp"
#include "bench/questions/waiting_room.hpp"

#include <coil/tls/private_key.hpp>
#include <coil/tls/tls.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace bench::questions {
namespace {

namespace tls = coil::tls;
using coil::task;

constexpr const char* application_protocol = "http/1.1";

void ask_for_name(server_parts& parts, waiting_room& room, std::size_t number)
{
    parts.options.sni_callback = [&room, number](std::string, tls::client_hello) -> task<tls::sni_answer> {
        auto staying = room.stay(number);
        co_await staying;
        co_return std::nullopt;
    };
}

void prepare_alpn_server(server_parts& parts, const std::string&)
{
    parts.options.alpn_protocols = {application_protocol};
}

void ask_for_protocol(server_parts& parts, waiting_room& room, std::size_t number)
{
    parts.options.alpn_protocols = {};
    parts.options.alpn_callback = [&room, number](tls::alpn_request request) -> task<tls::alpn_answer> {
        auto staying = room.stay(number);
        co_await staying;
        co_return request.protocols.front();
    };
}

void prepare_alpn_client(SSL_CTX* client, const credentials&)
{
    const std::string_view name = application_protocol;
    std::string list(1, static_cast<char>(name.size()));
    list += name;
    if (SSL_CTX_set_alpn_protos(client, reinterpret_cast<const unsigned char*>(list.data()),
                                static_cast<unsigned>(list.size())) != 0)
        throw failure("cannot make a client that offers protocols: " + openssl_reason());
}

void ask_for_key(server_parts& parts, waiting_room& room, std::size_t number)
{
    parts.options.psk_callback = [&room, number](std::string) -> task<std::optional<tls::psk_key>> {
        auto staying = room.stay(number);
        co_await staying;
        co_return std::nullopt;  // the certificate counts
    };
}

void prepare_key_client(SSL_CTX* client, const credentials&)
{
    SSL_CTX_set_psk_client_callback(
        client,
        [](SSL*, const char*, char* identity, unsigned room, unsigned char* key, unsigned key_room) -> unsigned {
            constexpr std::string_view name = "somebody";
            constexpr unsigned size = 32;
            if (room < name.size() || key_room < size)
                return 0;
            identity[name.copy(identity, name.size())] = '\0';
            std::fill_n(key, size, static_cast<unsigned char>(7));
            return size;
        });
}

void ask_for_staple(server_parts& parts, waiting_room& room, std::size_t number)
{
    parts.tell = [&room, number](tls::server& server) {
        server.on_ocsp_request([&room, number]() -> task<tls::staple_answer> {
            auto staying = room.stay(number);
            co_await staying;
            co_return std::nullopt;
        });
    };
}

void prepare_status_client(SSL_CTX* client, const credentials&)
{
    if (SSL_CTX_set_tlsext_status_type(client, TLSEXT_STATUSTYPE_ocsp) != 1)
        throw failure("cannot make a client that asks for staples: " + openssl_reason());
}

void ask_for_signature(server_parts& parts, waiting_room& room, std::size_t number)
{
    const tls::private_key key(parts.context.key.entries().front().pem);
    parts.context.key = {{.signer = [&room, number, key](tls::signature_request request) -> task<tls::signature> {
        auto staying = room.stay(number);
        co_await staying;
        co_return key.sign(request);
    }}};
}

void prepare_verifying_server(server_parts& parts, const std::string& certificate_file)
{
    parts.options.request_cert = true;
    parts.context.ca = tls::file(certificate_file);
}

void ask_for_verdict(server_parts& parts, waiting_room& room, std::size_t number)
{
    parts.options.verify_peer = [&room, number](tls::peer_verification) -> task<tls::verdict> {
        auto staying = room.stay(number);
        co_await staying;
        co_return tls::verdict::unchanged();
    };
}

void prepare_verified_client(SSL_CTX* client, const credentials& of_client)
{
    if (SSL_CTX_use_certificate_file(client, of_client.certificate_file().c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(client, of_client.key_file().c_str(), SSL_FILETYPE_PEM) != 1)
        throw failure("cannot make a client with a certificate: " + openssl_reason());
}

}  // namespace

std::span<const question> question_table() noexcept
{
    static constexpr std::array all = {
        question{"sni_callback", "which context counts for the name in the ClientHello", nullptr, ask_for_name,
                 nullptr},
        question{"psk_callback", "which key a name stands for", nullptr, ask_for_key, prepare_key_client},
        question{"alpn_callback", "which of the client's protocols is spoken", prepare_alpn_server, ask_for_protocol,
                 prepare_alpn_client},
        question{"on_ocsp_request", "which response is stapled", nullptr, ask_for_staple, prepare_status_client},
        question{"signer", "the signature of the server's certificate", nullptr, ask_for_signature, nullptr},
        question{"verify_peer", "the last word on the client's certificate", prepare_verifying_server, ask_for_verdict,
                 prepare_verified_client},
    };
    return all;
}

const question* find_question(std::string_view name) noexcept
{
    const std::span<const question> all = question_table();
    const auto found = std::ranges::find(all, name, &question::name);
    return found == all.end() ? nullptr : &*found;
}

}  // namespace bench::questions
