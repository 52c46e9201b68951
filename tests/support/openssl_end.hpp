#pragma once

#include <coil/tls/internal/openssl.hpp>

#include "tests/support/credentials.hpp"
#include "tests/support/engine_pair.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>

#include <string>
#include <string_view>

namespace coil::test {

/// One end of OpenSSL's own, for what coil's never does. It goes through a handshake by reading.
class openssl_end {
public:
    openssl_end(tls::role role, int version, const identity* who = nullptr)
        : context_(SSL_CTX_new(TLS_method())), ssl_(nullptr)
    {
        if (who) {
            load(*who);
            SSL_CTX_set_session_id_context(context_.get(), reinterpret_cast<const unsigned char*>("test"), 4);
        }
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_min_proto_version(ssl(), version);
        SSL_set_max_proto_version(ssl(), version);
        SSL_set_bio(ssl(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        if (role == tls::role::server)
            SSL_set_accept_state(ssl());
        else
            SSL_set_connect_state(ssl());
    }

    SSL* ssl() { return ssl_.get(); }
    std::string output()
    {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(ssl()), &data);
        std::string bytes(data, static_cast<std::size_t>(size));
        (void)BIO_reset(SSL_get_wbio(ssl()));
        return bytes;
    }
    void feed(std::string_view bytes) { BIO_write(SSL_get_rbio(ssl()), bytes.data(), static_cast<int>(bytes.size())); }
    /// Reads what there is; gives the reason of the failure, if there was one.
    int step()
    {
        char scratch[4096];
        ERR_clear_error();
        for (int size = 1; size > 0;) {
            size = SSL_read(ssl(), scratch, sizeof(scratch));
            if (size > 0)
                received.append(scratch, static_cast<std::size_t>(size));
        }
        const int reason = ERR_GET_REASON(ERR_peek_error());
        ERR_clear_error();
        return reason;
    }
    /// Moves bytes both ways until nothing moves any more.
    void talk(engine_end& other)
    {
        for (int quiet = 0; quiet < 2;) {
            step();
            const std::string out = output();
            other.engine.feed(as_bytes(out));
            other.step();
            const std::string answer = take_output(other.engine);
            feed(answer);
            quiet = out.empty() && answer.empty() ? quiet + 1 : 0;
        }
    }

    /// Ciphertext with `count` wishes of this end for new keys.
    std::string key_updates(int count)
    {
        for (int i = 0; i < count; ++i) {
            BOOST_TEST_REQUIRE(SSL_key_update(ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
            BOOST_TEST_REQUIRE(SSL_do_handshake(ssl()) == 1);
        }
        return output();
    }

    std::string received;

private:
    void load(const identity& who)
    {
        const tls::internal::bio_ptr cert = tls::internal::read_only_bio(who.cert);
        const tls::internal::x509_ptr leaf(PEM_read_bio_X509(cert.get(), nullptr, nullptr, nullptr));
        const tls::internal::bio_ptr key = tls::internal::read_only_bio(who.key);
        const tls::internal::evp_pkey_ptr own(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
        BOOST_TEST_REQUIRE(SSL_CTX_use_certificate(context_.get(), leaf.get()) == 1);
        BOOST_TEST_REQUIRE(SSL_CTX_use_PrivateKey(context_.get(), own.get()) == 1);
    }

    tls::internal::ssl_ctx_ptr context_;
    tls::internal::ssl_ptr ssl_;
};

}  // namespace coil::test
