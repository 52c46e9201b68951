#include <coil/tls/internal/psk_choice.hpp>

#include <coil/tls/internal/client_hello_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <openssl/crypto.h>

namespace coil::tls::internal {
namespace {

/// One ClientHello has room for over a thousand names, and each may cost the program a question to a database.
constexpr std::size_t most_names_asked = 8;
constexpr std::size_t ticket_name_size = 16;
/// In a session's application data, before the name of the key that it began with.
constexpr std::string_view mark = "psk ";

const unsigned char* octets(const std::vector<std::byte>& bytes) noexcept
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

void wipe(std::vector<std::byte>& secret) noexcept
{
    OPENSSL_cleanse(secret.data(), secret.size());
}

bool is_utf8(std::string_view text) noexcept
{
    while (!text.empty()) {
        unsigned long character = 0;
        const int size =
            UTF8_getc(reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()), &character);
        if (size <= 0 || character == 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

void check_key(const std::vector<std::byte>& key)
{
    if (key.empty() || key.size() > PSK_MAX_PSK_LEN)
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "psk_callback: a key has 1 to 512 bytes, not " + std::to_string(key.size()));
}

void check_identity(const std::string& identity)
{
    if (identity.empty() || identity.size() > PSK_MAX_IDENTITY_LEN)
        throw argument_error("ERR_INVALID_ARG_VALUE", "psk_callback: the name of a key has 1 to 256 bytes, not " +
                                                          std::to_string(identity.size()));
    if (!is_utf8(identity))
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "psk_callback: the name of a key is no UTF-8, or has a NUL in it");
}

int digest_of(psk_hash hash) noexcept
{
    return hash == psk_hash::sha384 ? NID_sha384 : NID_sha256;
}

/// What TLS 1.3 knows a key as: a session that never was.
ssl_session_ptr make_session(SSL* ssl, const psk_key& key, std::string_view identity)
{
    const std::array<unsigned char, 2> suite{0x13, static_cast<unsigned char>(key.hash == psk_hash::sha384 ? 2 : 1)};
    const std::string remembered = std::string(mark) + std::string(identity);
    ssl_session_ptr made(SSL_SESSION_new());
    if (!made || SSL_SESSION_set1_master_key(made.get(), octets(key.psk), key.psk.size()) != 1 ||
        SSL_SESSION_set_cipher(made.get(), SSL_CIPHER_find(ssl, suite.data())) != 1 ||
        SSL_SESSION_set_protocol_version(made.get(), TLS1_3_VERSION) != 1 ||
        SSL_SESSION_set1_ticket_appdata(made.get(), remembered.data(), remembered.size()) != 1)
        throw setup_error("psk_callback");
    return made;
}

/// Leaves only the suites with which the key may be used, if the client has one of them.
void keep_suites_of(SSL* ssl, psk_hash hash)
{
    const std::vector<std::uint16_t> offered = offered_cipher_suites(ssl);
    const STACK_OF(SSL_CIPHER)* const own = SSL_get_ciphers(ssl);
    std::string names;
    for (int i = 0; i < sk_SSL_CIPHER_num(own); ++i) {
        const SSL_CIPHER* const one = sk_SSL_CIPHER_value(own, i);
        if (std::strcmp(SSL_CIPHER_get_version(one), "TLSv1.3") != 0 ||
            EVP_MD_get_type(SSL_CIPHER_get_handshake_digest(one)) != digest_of(hash) ||
            std::find(offered.begin(), offered.end(), SSL_CIPHER_get_protocol_id(one)) == offered.end())
            continue;
        names += (names.empty() ? "" : ":") + std::string(SSL_CIPHER_get_name(one));
    }
    if (!names.empty() && SSL_set_ciphersuites(ssl, names.c_str()) != 1)
        throw setup_error("psk_callback");
}

/// The name that stands at the beginning of the tickets of this server, so that they are not taken for keys.
std::string ticket_name(SSL_CTX* context)
{
    std::array<unsigned char, 80> keys{};
    if (SSL_CTX_get_tlsext_ticket_keys(context, keys.data(), keys.size()) != 1)
        throw setup_error("psk_callback");
    std::string name(reinterpret_cast<const char*>(keys.data()), ticket_name_size);
    OPENSSL_cleanse(keys.data(), keys.size());
    return name;
}

}  // namespace

void psk_choice::check_hint(const std::string& hint)
{
    if (hint.size() > PSK_MAX_IDENTITY_LEN)
        throw argument_error("ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED", "psk_identity_hint is longer than 256 bytes");
    if (!is_utf8(hint))
        throw argument_error("ERR_INVALID_ARG_VALUE", "psk_identity_hint is no UTF-8, or has a NUL in it");
}

void psk_choice::install(SSL* ssl, bool is_server, const std::string& hint)
{
    if (!is_server) {
        SSL_set_psk_use_session_callback(ssl, on_use_session);
        SSL_set_psk_client_callback(ssl, on_client_key);
        return;
    }
    SSL_set_psk_find_session_callback(ssl, on_find_session);
    SSL_set_psk_server_callback(ssl, on_server_key);
    start_ = SSL_get_SSL_CTX(ssl);
    if (!hint.empty() && SSL_use_psk_identity_hint(ssl, hint.c_str()) != 1)
        throw setup_error("psk_identity_hint");
}

bool psk_choice::look_up_offered(engine_state& engine, const std::string& servername)
{
    SSL* const ssl = engine.ssl.get();
    if (!engine.options->ask.psk || !negotiates_tls13(ssl))
        return true;
    const std::string ticket = ticket_name(start_);
    std::size_t asked = 0;
    for (const std::string_view name : offered_identities(ssl)) {
        if (name.empty() || name.size() > PSK_MAX_IDENTITY_LEN || name.starts_with(ticket) || !is_utf8(name))
            continue;
        if (++asked > most_names_asked)
            break;
        std::optional<std::optional<psk_key>> answer =
            engine.ask<std::optional<psk_key>>(psk_identity_request{std::string(name), servername});
        if (!answer)
            return false;
        if (!*answer)
            continue;
        check_key((*answer)->psk);
        keep_suites_of(ssl, (*answer)->hash);
        answers_ = std::make_unique<answers>();
        answers_->known.emplace(known_key{std::string(name), std::move(**answer)});
        break;
    }
    return true;
}

void psk_choice::forget() noexcept
{
    if (!answers_)
        return;
    if (answers_->known)
        wipe(answers_->known->key.psk);
    if (answers_->proposed)
        wipe(answers_->proposed->psk);
    answers_.reset();
}

/// OpenSSL asks for each name, tickets of ours among them, and once more after a HelloRetryRequest.
int psk_choice::on_find_session(SSL* ssl, const unsigned char* identity, std::size_t size, SSL_SESSION** found) noexcept
{
    *found = nullptr;
    engine_state& engine = engine_state::of(ssl);
    const answers* const given = engine.psk.answers_.get();
    const std::string_view name(reinterpret_cast<const char*>(identity), size);
    if (!given || !given->known || given->known->identity != name)
        return 1;
    try {
        *found = make_session(ssl, given->known->key, name).release();
        return 1;
    } catch (...) {
        engine.refuse_for(std::current_exception());
        return 0;
    }
}

/// Before TLS 1.3. @return bytes of the key; 0: there is none of that name.
unsigned psk_choice::on_server_key(SSL* ssl, const char* identity, unsigned char* key, unsigned room) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    if (SSL_version(ssl) >= TLS1_3_VERSION || !identity || !is_utf8(identity))
        return 0;
    try {
        std::optional<std::optional<psk_key>> answer =
            engine.ask<std::optional<psk_key>>(psk_identity_request{identity, std::string(engine.server_name.name())});
        if (!answer || !*answer)
            return 0;
        std::vector<std::byte>& given = (*answer)->psk;
        check_key(given);
        const auto size = static_cast<unsigned>(std::min<std::size_t>(given.size(), room));
        std::memcpy(key, given.data(), size);
        wipe(given);
        return size;
    } catch (...) {
        engine.refuse_for(std::current_exception());
        return 0;
    }
}

/// Before a ClientHello that may become one of TLS 1.3. @param hash  of the suite, once a HelloRetryRequest has said which.
int psk_choice::on_use_session(SSL* ssl, const EVP_MD* hash, const unsigned char** identity, std::size_t* size,
                               SSL_SESSION** proposed) noexcept
{
    *proposed = nullptr;
    engine_state& engine = engine_state::of(ssl);
    psk_choice& self = engine.psk;
    try {
        if (!self.answers_) {
            std::optional<std::optional<psk_identity>> answer = engine.ask<std::optional<psk_identity>>(psk_request{});
            if (!answer)
                return 0;
            if (*answer) {
                check_identity((*answer)->identity);
                check_key((*answer)->psk);
            }
            self.answers_ = std::make_unique<answers>();
            self.answers_->proposed = std::move(*answer);
        }
        const std::optional<psk_identity>& given = self.answers_->proposed;
        if (!given || (hash && EVP_MD_get_type(hash) != digest_of(given->hash)))
            return 1;
        *proposed = make_session(ssl, {given->psk, given->hash}, given->identity).release();
        *identity = reinterpret_cast<const unsigned char*>(given->identity.data());
        *size = given->identity.size();
        return 1;
    } catch (...) {
        engine.refuse_for(std::current_exception());
        return 0;
    }
}

/// Before TLS 1.3, for a suite that needs a key. @return bytes of the key; 0: there is none.
unsigned psk_choice::on_client_key(SSL* ssl, const char* hint, char* identity, unsigned identity_room,
                                   unsigned char* key, unsigned room) noexcept
{
    engine_state& engine = engine_state::of(ssl);
    if (SSL_get_state(ssl) == TLS_ST_CW_CLNT_HELLO)
        return 0;  // what was answered for a session of TLS 1.3 is the answer
    try {
        std::optional<std::optional<psk_identity>> answer = engine.ask<std::optional<psk_identity>>(
            psk_request{hint ? std::optional<std::string>(hint) : std::nullopt});
        if (!answer || !*answer)
            return 0;
        psk_identity& given = **answer;
        check_identity(given.identity);
        check_key(given.psk);
        if (given.identity.size() > identity_room || given.psk.size() > room)
            return 0;
        std::memcpy(identity, given.identity.c_str(), given.identity.size() + 1);
        std::memcpy(key, given.psk.data(), given.psk.size());
        const auto size = static_cast<unsigned>(given.psk.size());
        wipe(given.psk);
        return size;
    } catch (...) {
        engine.refuse_for(std::current_exception());
        return 0;
    }
}

std::unique_ptr<const std::string> psk_choice::identity_of(SSL* ssl)
{
    if (SSL_version(ssl) < TLS1_3_VERSION) {
        const char* const name = SSL_get_psk_identity(ssl);
        return name ? std::make_unique<const std::string>(name) : nullptr;
    }
    SSL_SESSION* const session = SSL_get_session(ssl);
    void* data = nullptr;
    std::size_t size = 0;
    if (!session || SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 || !data)
        return nullptr;
    const std::string_view remembered(static_cast<const char*>(data), size);
    return remembered.starts_with(mark) ? std::make_unique<const std::string>(remembered.substr(mark.size())) : nullptr;
}

}  // namespace coil::tls::internal
