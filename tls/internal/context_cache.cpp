#include <coil/tls/internal/context_cache.hpp>

#include <coil/tls/internal/context_builder.hpp>

#include <algorithm>
#include <mutex>
#include <type_traits>

namespace coil::tls::internal {
namespace {

using context_key = std::array<unsigned char, 32>;

/// A digest of many values, each with its length, so that none can pass for a part of another.
class content_digest {
public:
    content_digest() : state_(EVP_MD_CTX_new())
    {
        if (!state_ || EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr) != 1)
            throw setup_error("digest of options");
    }

    void add(std::string_view text)
    {
        add(text.size());
        take(text.data(), text.size());
    }
    void add(const std::string& text) { add(std::string_view(text)); }
    void add(const pem& value)
    {
        add(value.texts().size());
        for (const std::string& text : value.texts())
            add(text);
    }
    void add(const key_list& keys)
    {
        add(keys.entries().size());
        for (const key_entry& entry : keys.entries()) {
            add(entry.pem);
            add(entry.passphrase);
        }
    }
    void add(std::chrono::seconds value) { add(value.count()); }
    template <class T>
    void add(const std::optional<T>& value)
    {
        add(value.has_value());
        if (value)
            add(*value);
    }
    template <class T>
        requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
    void add(T value)
    {
        take(&value, sizeof(value));
    }

    context_key finish()
    {
        context_key key;
        unsigned size = 0;
        if (EVP_DigestFinal_ex(state_.get(), key.data(), &size) != 1)
            throw setup_error("digest of options");
        return key;
    }

private:
    void take(const void* data, std::size_t size)
    {
        if (EVP_DigestUpdate(state_.get(), data, size) != 1)
            throw setup_error("digest of options");
    }

    openssl_ptr<EVP_MD_CTX, EVP_MD_CTX_free> state_;
};

/// What tells a context from others. Names all members, so that a new one cannot be forgotten here.
context_key key_of(const secure_context_options& options)
{
    const error_queue_guard guard;
    content_digest digest;
    const auto add_all = [&digest](const auto&... values) { (digest.add(values), ...); };
    const auto& [ca, cert, ciphers, crl, dhparam, ecdh_curve, honor_cipher_order, key, max_version, min_version,
                 passphrase, secure_options, session_id_context, session_tickets, session_timeout, sigalgs, strict,
                 strict_tls13_ciphers] = options;
    add_all(ca, cert, ciphers, crl, dhparam, ecdh_curve, honor_cipher_order, key, max_version, min_version, passphrase,
            secure_options, session_id_context, session_tickets, session_timeout, sigalgs, strict,
            strict_tls13_ciphers);
    const settings standard = defaults();
    add_all(standard.ciphers, standard.ecdh_curve, standard.max_version, standard.min_version);
    return digest.finish();
}

struct cached_context {
    context_key key;
    std::weak_ptr<const context_state> state;
    std::shared_ptr<const context_state>
        kept;  // null for those that hold a private key, or have not been asked for lately
};

class context_cache {
public:
    std::shared_ptr<const context_state> find(const context_key& key)
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(entries_.begin(), entries_.end(),
                                        [&key](const cached_context& entry) { return entry.key == key; });
        if (found == entries_.end())
            return nullptr;
        std::rotate(found, found + 1, entries_.end());  // the newest is the last
        return entries_.back().state.lock();
    }

    void add(const context_key& key, const std::shared_ptr<const context_state>& state, bool keep)
    {
        // What goes is destroyed when the lock is released.
        std::vector<cached_context> gone;
        const std::lock_guard lock(mutex_);
        const auto old = std::partition(entries_.begin(), entries_.end(), [&key](const cached_context& entry) {
            return entry.key != key && !entry.state.expired();
        });
        gone.assign(std::make_move_iterator(old), std::make_move_iterator(entries_.end()));
        entries_.erase(old, entries_.end());
        entries_.push_back({key, state, keep ? state : nullptr});
        if (entries_.size() > most) {
            gone.push_back(std::move(entries_.front()));
            entries_.erase(entries_.begin());
        }
        for (std::size_t i = 0; i + most_kept < entries_.size(); ++i)
            gone.push_back({{}, {}, std::move(entries_[i].kept)});
    }

    std::size_t size() noexcept
    {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(std::count_if(
            entries_.begin(), entries_.end(), [](const cached_context& entry) { return !entry.state.expired(); }));
    }

private:
    static constexpr std::size_t most = 64;
    static constexpr std::size_t most_kept = 8;

    std::mutex mutex_;
    std::vector<cached_context> entries_;
};

context_cache& process_contexts()
{
    static context_cache instance;
    return instance;
}

}  // namespace

secure_context shared_context(const secure_context_options& options)
{
    // Nobody can tell whether two signers are the same.
    if (std::ranges::any_of(options.key.entries(), [](const key_entry& each) { return bool(each.signer); }))
        return context_state::make_handle(build_context(options));
    const context_key key = key_of(options);
    std::shared_ptr<const context_state> state = process_contexts().find(key);
    if (!state) {
        state = build_context(options);
        process_contexts().add(key, state, options.key.empty());
    }
    return context_state::make_handle(std::move(state));
}

std::size_t shared_contexts() noexcept
{
    return process_contexts().size();
}

}  // namespace coil::tls::internal
