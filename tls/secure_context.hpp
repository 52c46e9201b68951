#pragma once

#include <coil/tls/constants.hpp>
#include <coil/tls/signature.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coil::tls {

namespace internal {
class context_state;
}

/// PEM texts: one or many, each with one block or several. An empty one means "not given".
/// Node: string | string[] | Buffer | Buffer[].
class pem {
public:
    pem() = default;
    pem(std::string text) : pem(std::string_view(text)) {}
    pem(std::string_view text);
    pem(const char* text) : pem(std::string_view(text)) {}
    pem(std::span<const std::byte> bytes);
    pem(std::initializer_list<pem> texts);

    bool empty() const noexcept { return texts_.empty(); }
    const std::vector<std::string>& texts() const noexcept { return texts_; }
    /// Where the texts came from, for messages: a path, or empty.
    const std::string& source() const noexcept { return source_; }

private:
    friend pem file(const std::filesystem::path& path);

    std::vector<std::string> texts_;
    std::string source_;
};

/// The contents of a file, for the PEM fields of `secure_context_options`. Blocks: it is meant for set-up.
/// Throws: `tls::error` with the system's code (ENOENT, EACCES, …) and a message that names the path.
pem file(const std::filesystem::path& path);

/// A private key with a passphrase of its own, or who signs in place of one.
struct key_entry {
    /// The key. Beside a `signer`: the certificate or public key that it signs for; empty: all that have no other key.
    tls::pem pem = {};
    std::optional<std::string> passphrase = std::nullopt;
    /// Signs with a key that is elsewhere. Suites that need more of a key than signatures (static RSA) are off then.
    tls::signer signer = {};
};

/// One private key or several.
class key_list {
public:
    key_list() = default;
    template <class T>
        requires(std::convertible_to<T, pem> && !std::same_as<std::remove_cvref_t<T>, key_list>)
    key_list(T&& key)
    {
        add(pem(std::forward<T>(key)));
    }
    key_list(std::initializer_list<pem> keys)
    {
        for (const pem& key : keys)
            add(key);
    }
    key_list(std::initializer_list<key_entry> keys);

    bool empty() const noexcept { return entries_.empty(); }
    const std::vector<key_entry>& entries() const noexcept { return entries_; }

private:
    void add(pem key);

    std::vector<key_entry> entries_;
};

/// What a secure context is made of.
/// Node: the options of tls.createSecureContext.
struct secure_context_options {
    /// Trusted roots, in place of the built-in ones. On a server also the names it asks client certificates for.
    pem ca = {};
    /// Certificate chains: the leaf first, then the intermediates, the root left out. One chain for each key.
    pem cert = {};
    /// Colon-separated OpenSSL names in falling preference; names that begin with TLS_ choose the suites of TLS 1.3.
    /// Empty: `settings::ciphers`.
    std::string ciphers = {};
    /// Certificate revocation lists. Any list turns the check on for every certificate of a chain.
    pem crl = {};
    /// "auto" or the PEM text of a group, for DHE suites, which are off without it.
    pem dhparam = {};
    /// Colon-separated groups in falling preference, or "auto". Not given: `settings::ecdh_curve`.
    std::optional<std::string> ecdh_curve = std::nullopt;
    /// Whether the server's order of ciphers decides. A server takes "not given" for true.
    std::optional<bool> honor_cipher_order = std::nullopt;
    /// Private keys.
    key_list key = {};
    std::optional<protocol_version> max_version = std::nullopt;
    std::optional<protocol_version> min_version = std::nullopt;
    /// For keys that have no passphrase of their own.
    std::optional<std::string> passphrase = std::nullopt;
    /// Bits of `secure_option`, added to the built-in ones.
    std::uint64_t secure_options = 0;
    /// At most 32 bytes that keep the sessions of one application from being resumed in another.
    std::string session_id_context = {};
    /// How many tickets a TLS 1.3 server sends after a full handshake.
    std::optional<unsigned> session_tickets = std::nullopt;
    /// How long sessions made by a server can be resumed.
    std::optional<std::chrono::seconds> session_timeout = std::nullopt;
    /// Colon-separated signature algorithms, such as "RSA-PSS+SHA256:ECDSA+SHA256".
    std::optional<std::string> sigalgs = std::nullopt;
    /// Whether text in `ca` or `dhparam` that holds nothing usable is an error. Node ignores such text.
    bool strict = true;
    /// Whether the suites of TLS 1.3 are off unless `ciphers` names them. Node leaves OpenSSL's own on.
    bool strict_tls13_ciphers = false;
};

/// Credentials, trust and protocol choices, ready for use: a handle to something immutable that any number of connections
/// on any threads share.
///
/// Where an option takes one, options for one will do: `.secure_context = {{.ca = file("ca.pem")}}`.
/// Node: SecureContext.
class secure_context {
public:
    /// No context: what a lookup gives that found none. As an option: the default for the role.
    secure_context() noexcept = default;
    /// A context made of `options`. Unlike `create_secure_context` it gives the same one to everybody who asks for equal ones
    /// while it is in use, and a little longer, so that many connections may each say what they need.
    /// Throws: as `create_secure_context`.
    secure_context(const secure_context_options& options);

    explicit operator bool() const noexcept { return state_ != nullptr; }
    bool operator==(const secure_context&) const noexcept = default;

private:
    friend class internal::context_state;
    explicit secure_context(std::shared_ptr<const internal::context_state> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<const internal::context_state> state_;
};

/// Makes a secure context. Blocks for a few milliseconds.
/// Throws: `tls::error` with Node's code for the first thing that is wrong: ERR_SSL_NO_CIPHER_MATCH,
///         ERR_OSSL_PEM_NO_START_LINE, ERR_OSSL_BAD_DECRYPT, ERR_OSSL_X509_KEY_VALUES_MISMATCH,
///         ERR_CRYPTO_OPERATION_FAILED, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_SSL_NO_PROTOCOLS_AVAILABLE
///         (the lowest version is above the highest).
/// Node: tls.createSecureContext.
secure_context create_secure_context(const secure_context_options& options = {});

}  // namespace coil::tls
