#pragma once

#include <coil/tls/internal/openssl.hpp>

#include "tests/support/engine_pair.hpp"

#include <string>

namespace coil::test {

/// A client of OpenSSL's own, for what coil's client never does.
class openssl_client {
public:
    explicit openssl_client(int version) : context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get()))
    {
        SSL_set_min_proto_version(ssl_.get(), version);
        SSL_set_max_proto_version(ssl_.get(), version);
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl_.get());
    }

    SSL* ssl() { return ssl_.get(); }

    /// Moves bytes both ways until nothing moves any more.
    void talk(engine_end& server)
    {
        for (int quiet = 0; quiet < 2;) {
            char scratch[4096];
            if (!SSL_is_init_finished(ssl_.get()))
                SSL_do_handshake(ssl_.get());
            SSL_read(ssl_.get(), scratch, sizeof(scratch));
            char* data = nullptr;
            const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
            server.engine.feed(as_bytes({data, static_cast<std::size_t>(size)}));
            (void)BIO_reset(SSL_get_wbio(ssl_.get()));
            server.step();
            const std::string answer = take_output(server.engine);
            BIO_write(SSL_get_rbio(ssl_.get()), answer.data(), static_cast<int>(answer.size()));
            quiet = size == 0 && answer.empty() ? quiet + 1 : 0;
        }
        ERR_clear_error();
    }

private:
    tls::internal::ssl_ctx_ptr context_;
    tls::internal::ssl_ptr ssl_;
};

}  // namespace coil::test
