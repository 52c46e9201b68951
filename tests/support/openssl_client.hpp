#pragma once

#include <coil/tls/internal/openssl.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"

#include <openssl/pem.h>

#include <string>

namespace coil::test {

/// A client of OpenSSL's own, for what coil's client never does.
class openssl_client {
public:
    /// @param who  shown to servers that ask for a certificate; null: nobody.
    explicit openssl_client(int version, const identity* who = nullptr)
        : context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get()))
    {
        if (who)
            show(*who);
        SSL_set_min_proto_version(ssl_.get(), version);
        SSL_set_max_proto_version(ssl_.get(), version);
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl_.get());
    }

    SSL* ssl() { return ssl_.get(); }

    /// All that it wants to send, taken from it.
    std::string output()
    {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
        const std::string bytes(data, static_cast<std::size_t>(size));
        (void)BIO_reset(SSL_get_wbio(ssl_.get()));
        return bytes;
    }

    /// Moves bytes both ways until nothing moves any more.
    void talk(engine_end& server)
    {
        for (int quiet = 0; quiet < 2;) {
            char scratch[4096];
            if (!SSL_is_init_finished(ssl_.get()))
                SSL_do_handshake(ssl_.get());
            SSL_read(ssl_.get(), scratch, sizeof(scratch));
            const std::string question = output();
            server.engine.feed(as_bytes(question));
            server.step();
            const std::string answer = take_output(server.engine);
            BIO_write(SSL_get_rbio(ssl_.get()), answer.data(), static_cast<int>(answer.size()));
            quiet = question.empty() && answer.empty() ? quiet + 1 : 0;
        }
        ERR_clear_error();
    }

private:
    void show(const identity& who)
    {
        using namespace tls::internal;
        const bio_ptr leaf = read_only_bio(who.cert);
        const x509_ptr certificate(PEM_read_bio_X509(leaf.get(), nullptr, nullptr, nullptr));
        const bio_ptr secret = read_only_bio(who.key);
        const evp_pkey_ptr key(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr));
        SSL_use_certificate(ssl_.get(), certificate.get());
        SSL_use_PrivateKey(ssl_.get(), key.get());
    }

    tls::internal::ssl_ctx_ptr context_;
    tls::internal::ssl_ptr ssl_;
};

}  // namespace coil::test
