#include <coil/tls/internal/private_key_reader.hpp>

#include <openssl/pem.h>

namespace coil::tls::internal {
namespace {

tls::error unreadable_key(const std::string& subject, const std::string& text)
{
    // One wrong passphrase in 256 leaves something that looks decrypted and is no key.
    const bool encrypted = text.find("ENCRYPTED") != std::string::npos;
    const unsigned long packed = ERR_peek_error();
    if (encrypted && ERR_GET_LIB(packed) == ERR_LIB_OSSL_DECODER)
        return argument_error("ERR_OSSL_BAD_DECRYPT", subject + ": bad decrypt");
    return setup_error(subject, "ERR_OSSL_UNSUPPORTED");
}

}  // namespace

std::string subject_of(std::string_view option, const pem& value)
{
    std::string subject(option);
    if (!value.source().empty())
        subject += " (" + value.source() + ")";
    return subject;
}

std::size_t count_blocks(std::string_view text, std::string_view kind)
{
    constexpr std::string_view begin = "-----BEGIN ";
    std::size_t count = 0;
    for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at)) {
        at += begin.size();
        const std::string_view label = text.substr(at, text.find("-----", at) - at);
        count += label.ends_with(kind) ? 1 : 0;
    }
    return count;
}

evp_pkey_ptr read_private_key(const std::string& text, const std::optional<std::string>& passphrase,
                              const std::string& subject)
{
    if (count_blocks(text, "PRIVATE KEY") > 1)
        throw argument_error("ERR_INVALID_ARG_VALUE", subject + ": more than one key in a text; give each by itself");
    const bio_ptr in = read_only_bio(text);
    evp_pkey_ptr key(PEM_read_bio_PrivateKey(in.get(), nullptr, passphrase_callback,
                                             const_cast<std::string*>(passphrase ? &*passphrase : nullptr)));
    if (!key)
        throw unreadable_key(subject, text);
    return key;
}

}  // namespace coil::tls::internal
