#include "bench/questions/question_table.hpp"

#include "bench/failure.hpp"
#include "bench/openssl.hpp"
#include "bench/questions/waiting_room.hpp"

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
        question{"alpn_callback", "which of the client's protocols is spoken", prepare_alpn_server, ask_for_protocol,
                 prepare_alpn_client},
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
