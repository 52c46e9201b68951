#include <coil/tls/internal/context_builder.hpp>

#include <coil/tls/internal/alerts.hpp>
#include <coil/tls/internal/alpn_choice.hpp>
#include <coil/tls/internal/message_limits.hpp>
#include <coil/tls/internal/ocsp_stapling.hpp>
#include <coil/tls/internal/private_key_reader.hpp>
#include <coil/tls/internal/remote_key.hpp>
#include <coil/tls/internal/root_certificates.hpp>
#include <coil/tls/internal/server_name_choice.hpp>
#include <coil/tls/internal/verification.hpp>

#include <openssl/pem.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace coil::tls::internal {
namespace {

/// Whether the PEM reader stopped because there is no further block, and not because a block is broken.
bool at_end_of_pem()
{
    const unsigned long packed = ERR_peek_last_error();
    return ERR_GET_LIB(packed) == ERR_LIB_PEM && ERR_GET_REASON(packed) == PEM_R_NO_START_LINE;
}

void set_versions(SSL_CTX* context, const secure_context_options& options, const settings& standard)
{
    const protocol_version lowest = options.min_version.value_or(standard.min_version);
    const protocol_version highest = options.max_version.value_or(standard.max_version);
    for (const protocol_version version : {lowest, highest})
        if (to_string(version) == "unknown")
            throw argument_error("ERR_TLS_INVALID_PROTOCOL_VERSION", "min_version or max_version is no TLS version");
    // Node notices it only in the handshake, with the same code.
    if (lowest > highest)
        throw argument_error("ERR_SSL_NO_PROTOCOLS_AVAILABLE", "min_version " + std::string(to_string(lowest)) +
                                                                   " is above max_version " +
                                                                   std::string(to_string(highest)));
    if (SSL_CTX_set_min_proto_version(context, static_cast<int>(lowest)) != 1 ||
        SSL_CTX_set_max_proto_version(context, static_cast<int>(highest)) != 1)
        throw setup_error("min_version and max_version");
}

struct cipher_lists {
    std::string tls13;
    std::string older;
};

cipher_lists split_ciphers(std::string_view names)
{
    cipher_lists lists;
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find(':'));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        if (name.empty())
            continue;
        std::string& list = name.starts_with("TLS_") ? lists.tls13 : lists.older;
        list += (list.empty() ? "" : ":") + std::string(name);
    }
    return lists;
}

void set_ciphers(SSL_CTX* context, const secure_context_options& options, const settings& standard)
{
    const std::string& names = options.ciphers.empty() ? standard.ciphers : options.ciphers;
    const cipher_lists lists = split_ciphers(names);
    if (lists.tls13.empty() && lists.older.empty())
        throw argument_error("ERR_INVALID_ARG_VALUE", "ciphers \"" + names + "\" names no cipher");
    const bool only_older = lists.tls13.empty() && options.strict_tls13_ciphers;
    if (!lists.tls13.empty() && SSL_CTX_set_ciphersuites(context, lists.tls13.c_str()) != 1)
        throw setup_error("ciphers \"" + lists.tls13 + "\"");
    if (SSL_CTX_set_cipher_list(context, lists.older.c_str()) != 1 && !lists.older.empty())
        throw setup_error("ciphers \"" + lists.older + "\"");
    ERR_clear_error();
    const long lowest = SSL_CTX_get_min_proto_version(context);
    const long highest = SSL_CTX_get_max_proto_version(context);
    if (lists.older.empty() && highest < TLS1_3_VERSION)
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "ciphers names suites of TLS 1.3 only, which max_version does not allow");
    if (lists.older.empty() && lowest < TLS1_3_VERSION && highest > TLS1_2_VERSION)
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (only_older && highest > TLS1_2_VERSION) {
        if (lowest > TLS1_2_VERSION)
            throw argument_error("ERR_INVALID_ARG_VALUE",
                                 "ciphers names no suite of TLS 1.3, the only version allowed");
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    }
}

/// With these suites the client's secret would have to be decrypted with the key, which is not for a signer to do.
void exclude_static_rsa(SSL_CTX* context)
{
    const STACK_OF(SSL_CIPHER)* const all = SSL_CTX_get_ciphers(context);
    std::string others;
    bool excludes = false;
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
        const SSL_CIPHER* const one = sk_SSL_CIPHER_value(all, i);
        const int exchange = SSL_CIPHER_get_kx_nid(one);
        if (exchange == NID_kx_rsa || exchange == NID_kx_rsa_psk)
            excludes = true;
        else if (exchange != NID_kx_any)  // of TLS 1.3
            others += (others.empty() ? "" : ":") + std::string(SSL_CIPHER_get_name(one));
    }
    if (!excludes)
        return;
    if (others.empty())
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "ciphers names suites only that need more of a key than the signatures of a signer");
    if (SSL_CTX_set_cipher_list(context, others.c_str()) != 1)
        throw setup_error("ciphers");
}

void set_trust(SSL_CTX* context, const secure_context_options& options)
{
    if (options.ca.empty() && options.crl.empty()) {
        SSL_CTX_set1_cert_store(context, shared_root_store());
        return;
    }
    x509_store_ptr store = options.ca.empty() ? copy_of_root_store() : x509_store_ptr(X509_STORE_new());
    if (!store)
        throw std::bad_alloc();
    for (const std::string& text : options.ca.texts()) {
        const bio_ptr in = read_only_bio(text);
        std::size_t found = 0;
        while (const x509_ptr root{PEM_read_bio_X509_AUX(in.get(), nullptr, passphrase_callback, nullptr)}) {
            if (X509_STORE_add_cert(store.get(), root.get()) != 1 || SSL_CTX_add_client_CA(context, root.get()) != 1)
                throw setup_error(subject_of("ca", options.ca));
            ++found;
        }
        if (options.strict && (found == 0 || !at_end_of_pem()))
            throw setup_error(subject_of("ca", options.ca), "ERR_OSSL_PEM_NO_START_LINE");
        ERR_clear_error();
    }
    SSL_CTX_set_cert_store(context, store.release());
}

/// Adds one chain: the leaf, then its intermediates. @return the leaf.
x509_ptr add_chain(SSL_CTX* context, const std::string& text, const std::string& subject)
{
    const bio_ptr in = read_only_bio(text);
    x509_ptr leaf(PEM_read_bio_X509_AUX(in.get(), nullptr, passphrase_callback, nullptr));
    if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
        throw setup_error(subject, "ERR_OSSL_PEM_NO_START_LINE");
    SSL_CTX_clear_chain_certs(context);
    while (const x509_ptr issuer{PEM_read_bio_X509(in.get(), nullptr, passphrase_callback, nullptr)})
        if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1)
            throw setup_error(subject);
    if (!at_end_of_pem())
        throw setup_error(subject);
    ERR_clear_error();
    return leaf;
}

std::vector<evp_pkey_ptr> add_keys(SSL_CTX* context, const secure_context_options& options)
{
    std::vector<evp_pkey_ptr> keys;
    for (const key_entry& entry : options.key.entries()) {
        if (entry.signer)
            continue;
        for (const std::string& text : entry.pem.texts()) {
            const std::optional<std::string>& passphrase = entry.passphrase ? entry.passphrase : options.passphrase;
            evp_pkey_ptr key = read_private_key(text, passphrase, subject_of("key", entry.pem));
            if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
                throw setup_error(subject_of("key", entry.pem));
            ERR_clear_error();
            keys.push_back(std::move(key));
        }
    }
    return keys;
}

/// Whether `entry` names this certificate, by itself or by its public key.
bool is_for(const key_entry& entry, X509* leaf)
{
    const std::string subject = subject_of("key", entry.pem);
    for (const std::string& text : entry.pem.texts()) {
        const bio_ptr in = read_only_bio(text);
        const bool whole = text.find("-----BEGIN PUBLIC KEY-----") == std::string::npos;
        const x509_ptr cert(whole ? PEM_read_bio_X509_AUX(in.get(), nullptr, passphrase_callback, nullptr) : nullptr);
        const evp_pkey_ptr key(whole ? nullptr : PEM_read_bio_PUBKEY(in.get(), nullptr, passphrase_callback, nullptr));
        EVP_PKEY* const named = cert ? X509_get0_pubkey(cert.get()) : key.get();
        if (!named)
            throw setup_error(subject + ": beside a signer stands a certificate or a public key",
                              "ERR_INVALID_ARG_VALUE");
        if (EVP_PKEY_eq(named, X509_get0_pubkey(leaf)) == 1)
            return true;
    }
    return false;
}

/// A signer signs for the certificates that it names, or else for all that have no other key.
void add_signers(SSL_CTX* context, const secure_context_options& options, const std::vector<x509_ptr>& leaves,
                 std::vector<evp_pkey_ptr>& keys)
{
    for (const key_entry& entry : options.key.entries()) {
        if (!entry.signer)
            continue;
        if (entry.passphrase)
            throw argument_error("ERR_INVALID_ARG_VALUE", "key: a signer needs no passphrase");
        bool signs = false;
        for (const x509_ptr& leaf : leaves) {
            const auto belongs = [&leaf](const evp_pkey_ptr& key) {
                return EVP_PKEY_eq(X509_get0_pubkey(leaf.get()), key.get()) == 1;
            };
            if (entry.pem.empty() ? std::ranges::any_of(keys, belongs) : !is_for(entry, leaf.get()))
                continue;
            evp_pkey_ptr key = make_remote_key(leaf.get(), entry.signer);
            if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
                throw setup_error("key: a signer");
            ERR_clear_error();
            keys.push_back(std::move(key));
            signs = true;
        }
        if (!signs)
            throw argument_error("ERR_INVALID_ARG_VALUE", "key: a signer has no certificate to sign for");
    }
}

void add_identities(SSL_CTX* context, const secure_context_options& options)
{
    std::vector<x509_ptr> leaves;
    for (const std::string& chain : options.cert.texts())
        leaves.push_back(add_chain(context, chain, subject_of("cert", options.cert)));
    std::vector<evp_pkey_ptr> keys = add_keys(context, options);
    add_signers(context, options, leaves, keys);
    // OpenSSL compares a key only with the certificate of its own type; one of another type would be found out when a
    // client comes.
    for (const x509_ptr& leaf : leaves)
        if (!keys.empty() && std::none_of(keys.begin(), keys.end(), [&leaf](const evp_pkey_ptr& key) {
                return X509_check_private_key(leaf.get(), key.get()) == 1;
            }))
            throw argument_error("ERR_OSSL_X509_KEY_TYPE_MISMATCH",
                                 subject_of("cert", options.cert) + ": key type mismatch: no key given belongs to it");
    ERR_clear_error();
}

void set_signature_algorithms(SSL_CTX* context, const secure_context_options& options)
{
    if (!options.sigalgs)
        return;
    if (options.sigalgs->empty() || SSL_CTX_set1_sigalgs_list(context, options.sigalgs->c_str()) != 1)
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "sigalgs \"" + *options.sigalgs + "\" is no list of signature algorithms");
}

std::string set_groups(SSL_CTX* context, const secure_context_options& options, const settings& standard)
{
    std::string groups = options.ecdh_curve.value_or(standard.ecdh_curve.empty() ? "auto" : standard.ecdh_curve);
    if (groups == "auto")
        return {};
    const ssl_ptr attempt(SSL_new(context));
    if (!attempt)
        throw setup_error("OpenSSL connection");
    if (groups.empty() || SSL_set1_groups_list(attempt.get(), groups.c_str()) != 1)
        throw argument_error("ERR_CRYPTO_OPERATION_FAILED", "Failed to set ECDH curve: \"" + groups + "\"");
    return groups;
}

void set_dh_group(SSL_CTX* context, const secure_context_options& options)
{
    if (options.dhparam.empty())
        return;
    const std::string& text = options.dhparam.texts().front();
    if (options.dhparam.texts().size() > 1 || count_blocks(text, "DH PARAMETERS") > 1)
        throw argument_error("ERR_INVALID_ARG_VALUE", subject_of("dhparam", options.dhparam) + ": more than one group");
    if (text == "auto") {
        SSL_CTX_set_dh_auto(context, 1);
        return;
    }
    const bio_ptr in = read_only_bio(text);
    evp_pkey_ptr group(PEM_read_bio_Parameters(in.get(), nullptr));
    if (!group) {
        if (options.strict)
            throw setup_error(subject_of("dhparam", options.dhparam), "ERR_OSSL_PEM_NO_START_LINE");
        return;
    }
    if (EVP_PKEY_is_a(group.get(), "DH") != 1 && EVP_PKEY_is_a(group.get(), "DHX") != 1)
        throw argument_error("ERR_INVALID_ARG_VALUE", subject_of("dhparam", options.dhparam) + ": parameters of " +
                                                          EVP_PKEY_get0_type_name(group.get()) + ", not of DH");
    if (EVP_PKEY_get_bits(group.get()) < 1024)
        throw argument_error("ERR_INVALID_ARG_VALUE", "DH parameter is less than 1024 bits");
    if (SSL_CTX_set0_tmp_dh_pkey(context, group.get()) != 1)
        throw argument_error("ERR_CRYPTO_OPERATION_FAILED", "Error setting temp DH parameter");
    group.release();
}

void add_revocation_lists(SSL_CTX* context, const secure_context_options& options)
{
    if (options.crl.empty())
        return;
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    for (const std::string& text : options.crl.texts()) {
        const bio_ptr in = read_only_bio(text);
        std::size_t found = 0;
        while (const x509_crl_ptr list{PEM_read_bio_X509_CRL(in.get(), nullptr, passphrase_callback, nullptr)}) {
            if (X509_STORE_add_crl(store, list.get()) != 1)
                throw setup_error(subject_of("crl", options.crl));
            ++found;
        }
        // A list behind the first may be the newer one, so that one which cannot be read counts as much as the first.
        if (found == 0 || !at_end_of_pem())
            throw argument_error("ERR_CRYPTO_OPERATION_FAILED",
                                 subject_of("crl", options.crl) + ": Failed to parse CRL");
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

void set_sessions(SSL_CTX* context, const secure_context_options& options)
{
    if (options.session_id_context.size() > SSL_MAX_SID_CTX_LENGTH)
        throw argument_error("ERR_INVALID_ARG_VALUE", "session_id_context is longer than 32 bytes");
    const std::chrono::seconds timeout = options.session_timeout.value_or(default_session_timeout);
    if (timeout.count() < 0 || timeout.count() > std::numeric_limits<std::int32_t>::max())
        throw argument_error("ERR_OUT_OF_RANGE", "session_timeout is not from 0 to 2147483647 seconds");
    SSL_CTX_set_timeout(context, static_cast<long>(timeout.count()));
    if (options.session_tickets && SSL_CTX_set_num_tickets(context, *options.session_tickets) != 1)
        throw setup_error("session_tickets");
}

ssl_ctx_ptr make_native(const secure_context_options& options)
{
    ssl_ctx_ptr context(SSL_CTX_new(TLS_method()));
    if (!context)
        throw setup_error("OpenSSL context");
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_SSLv2 | SSL_OP_NO_SSLv3 | SSL_OP_ALLOW_CLIENT_RENEGOTIATION | options.secure_options);
    if (options.honor_cipher_order.value_or(false))
        SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    return context;
}

}  // namespace

std::shared_ptr<const context_state> build_context(const secure_context_options& options)
{
    const error_queue_guard guard;
    const settings standard = defaults();
    ssl_ctx_ptr owned = make_native(options);
    SSL_CTX* const context = owned.get();
    const auto state = std::make_shared<context_state>(std::move(owned));
    set_versions(context, options, standard);
    // Ciphers come before keys and certificates, because they may set the security level that those are held to.
    set_ciphers(context, options, standard);
    set_trust(context, options);
    add_identities(context, options);
    state->collect_identities();
    set_signature_algorithms(context, options);
    state->groups = set_groups(context, options, standard);
    set_dh_group(context, options);
    add_revocation_lists(context, options);
    set_sessions(context, options);
    state->set_session_ids(options.session_id_context, options.ca, options.crl);
    state->signs_elsewhere =
        std::ranges::any_of(options.key.entries(), [](const key_entry& each) { return bool(each.signer); });
    if (state->signs_elsewhere)
        exclude_static_rsa(context);
    state->honor_cipher_order = options.honor_cipher_order;
    // Callbacks come from the context that a connection uses at the moment, so every context has the same ones; each finds
    // its connection through the `SSL` object. None lets an exception pass through OpenSSL's frames.
    server_name_choice::install(context);
    alpn_choice::install(context);
    ocsp_stapling::install(context);
    verification::install(context);
    message_limits::install(context);
    alerts::install(context);
    return state;
}

}  // namespace coil::tls::internal
