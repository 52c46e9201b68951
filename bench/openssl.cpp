#include "bench/openssl.hpp"

#include "bench/failure.hpp"

#include <openssl/err.h>

#include <string_view>

namespace bench {
namespace {

int to_number(tls_version version)
{
    return version == tls_version::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

const char* to_name(const scenario& of)
{
    const bool small = of.cipher == cipher::aes_128_gcm;
    if (of.version == tls_version::tls13)
        return small ? "TLS_AES_128_GCM_SHA256" : "TLS_AES_256_GCM_SHA384";
    if (of.key == key_type::rsa_2048)
        return small ? "ECDHE-RSA-AES128-GCM-SHA256" : "ECDHE-RSA-AES256-GCM-SHA384";
    return small ? "ECDHE-ECDSA-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES256-GCM-SHA384";
}

int keep(SSL* client, SSL_SESSION* session)
{
    auto* const newest = static_cast<openssl_ptr<SSL_SESSION>*>(SSL_get_app_data(client));
    newest->reset(session);
    return 1;
}

}  // namespace

std::string openssl_reason()
{
    const unsigned long code = ERR_peek_error();
    ERR_clear_error();
    const char* const text = ERR_reason_error_string(code);
    return text ? text : "unknown reason";
}

openssl_ptr<SSL_CTX> make_client_context(const scenario& of, const std::string& certificate_file)
{
    openssl_ptr<SSL_CTX> made(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = made.get();
    const int version = to_number(of.version);
    if (!context || SSL_CTX_set_min_proto_version(context, version) != 1 ||
        SSL_CTX_set_max_proto_version(context, version) != 1 ||
        (version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(context, to_name(of))
                                   : SSL_CTX_set_cipher_list(context, to_name(of))) != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519:P-256") != 1 ||
        SSL_CTX_load_verify_locations(context, certificate_file.c_str(), nullptr) != 1)
        throw failure("cannot make a client: " + openssl_reason());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // A client that takes less time for an exchange than a server does leaves the server something to do. One receive for
    // each record instead of two helps most; buffers that stay cost memory, of which many idle clients need too much.
    if (of.kind == scenario_kind::echo || of.kind == scenario_kind::http)
        SSL_CTX_set_read_ahead(context, 1);
    else
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (of.resumed) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep);
    }
    return made;
}

void resume_newest(SSL* client, openssl_ptr<SSL_SESSION>& newest)
{
    SSL_set_app_data(client, &newest);
    if (newest && SSL_set_session(client, newest.get()) != 1)
        throw failure("cannot resume a session: " + openssl_reason());
}

void check_agreed(const SSL* client, const scenario& of)
{
    const std::string_view name = SSL_get_cipher_name(client);
    if (SSL_version(client) != to_number(of.version) || name != to_name(of))
        throw failure("the server chose " + std::string(SSL_get_version(client)) + " and " + std::string(name));
}

}  // namespace bench
