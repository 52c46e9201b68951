#include <coil/tls/internal/remote_key.hpp>

#include <coil/tls/internal/certificate_reader.hpp>
#include <coil/tls/internal/engine_state.hpp>
#include <coil/tls/internal/signing.hpp>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// OpenSSL lets keys be anywhere by letting others implement them: a provider has functions that hold keys, and functions that
// sign with them. This one's keys are public keys of OpenSSL's own, which answer all that can be asked of a key, together with
// who signs. It lives in a library context of its own: beside OpenSSL's own provider it would be taken for everybody's keys.

namespace coil::tls::internal {
namespace {

/// Where the parameters of a new key say who signs for it: the address of a `std::shared_ptr<const remote_signer>`.
constexpr const char* signer_parameter = "coil-signer";
constexpr const char* provider_name = "coil";

using signer_ptr = std::shared_ptr<const remote_signer>;

struct held_key {
    explicit held_key(const char* of_type) noexcept : type(of_type) {}

    const char* const type;
    evp_pkey_ptr public_key;
    signer_ptr signer;  // null: this is a public key only
};

/// What one signature is made with.
struct signing_state {
    held_key* key = nullptr;
    std::string digest;
    bool pss = false;
};

// Keys.

template <std::size_t Size>
struct type_name {
    constexpr type_name(const char (&text)[Size]) noexcept { std::copy_n(text, Size, letters); }
    char letters[Size];
};

template <type_name Type>
void* new_key(void* /*provider*/) noexcept
{
    return new (std::nothrow) held_key(Type.letters);
}

void free_key(void* key) noexcept
{
    delete static_cast<held_key*>(key);
}

int has(const void* of, int selection) noexcept
{
    const auto& key = *static_cast<const held_key*>(of);
    return key.public_key && (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key.signer) ? 1 : 0;
}

int match(const void* one, const void* other, int /*selection*/) noexcept
{
    return EVP_PKEY_eq(static_cast<const held_key*>(one)->public_key.get(),
                       static_cast<const held_key*>(other)->public_key.get()) == 1
               ? 1
               : 0;
}

int import_key(void* into, int /*selection*/, const OSSL_PARAM parameters[]) noexcept
{
    auto& key = *static_cast<held_key*>(into);
    const openssl_ptr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> making(EVP_PKEY_CTX_new_from_name(nullptr, key.type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!making || EVP_PKEY_fromdata_init(making.get()) != 1 ||
        EVP_PKEY_fromdata(making.get(), &made, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(parameters)) != 1)
        return 0;
    key.public_key.reset(made);
    if (const OSSL_PARAM* const signer = OSSL_PARAM_locate_const(parameters, signer_parameter)) {
        const void* address = nullptr;
        std::size_t size = 0;
        if (OSSL_PARAM_get_octet_ptr(signer, &address, &size) != 1)
            return 0;
        key.signer = *static_cast<const signer_ptr*>(address);
    }
    return 1;
}

/// Refusing to hand the private part over is what makes OpenSSL sign here.
int export_key(void* of, int selection, OSSL_CALLBACK* take, void* argument) noexcept
{
    if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
        return 0;
    return EVP_PKEY_export(static_cast<held_key*>(of)->public_key.get(), selection, take, argument);
}

const OSSL_PARAM* key_types(int /*selection*/) noexcept
{
    static const OSSL_PARAM none[] = {OSSL_PARAM_END};
    return none;
}

int get_key_parameters(void* of, OSSL_PARAM parameters[]) noexcept
{
    return EVP_PKEY_get_params(static_cast<held_key*>(of)->public_key.get(), parameters);
}

const OSSL_PARAM* key_parameters(void* /*provider*/) noexcept
{
    static const OSSL_PARAM known[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, nullptr, 0),
                                       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                       OSSL_PARAM_END};
    return known;
}

/// What signs with keys of a kind is not called as the kind is.
template <type_name Operation>
const char* operation_name(int /*operation*/) noexcept
{
    return Operation.letters;
}

template <class Function>
OSSL_DISPATCH entry(int number, Function* function) noexcept
{
    return {number, reinterpret_cast<void (*)()>(function)};
}

template <type_name Type, type_name Operation>
const OSSL_DISPATCH* key_functions() noexcept
{
    static const OSSL_DISPATCH all[] = {entry(OSSL_FUNC_KEYMGMT_NEW, new_key<Type>),
                                        entry(OSSL_FUNC_KEYMGMT_FREE, free_key),
                                        entry(OSSL_FUNC_KEYMGMT_HAS, has),
                                        entry(OSSL_FUNC_KEYMGMT_MATCH, match),
                                        entry(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
                                        entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_types),
                                        entry(OSSL_FUNC_KEYMGMT_EXPORT, export_key),
                                        entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_types),
                                        entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_key_parameters),
                                        entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_parameters),
                                        entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_name<Operation>),
                                        {0, nullptr}};
    return all;
}

// Signatures.

void* new_signing(void* /*provider*/, const char* /*properties*/) noexcept
{
    return new (std::nothrow) signing_state;
}

void free_signing(void* state) noexcept
{
    delete static_cast<signing_state*>(state);
}

void* copy_signing(void* state) noexcept
try {
    return new signing_state(*static_cast<signing_state*>(state));
} catch (...) {
    return nullptr;
}

int set_signing_parameters(void* of, const OSSL_PARAM parameters[]) noexcept
try {
    auto& state = *static_cast<signing_state*>(of);
    const OSSL_PARAM* const padding =
        parameters ? OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE) : nullptr;
    if (!padding)
        return 1;
    if (padding->data_type == OSSL_PARAM_UTF8_STRING) {
        const std::string_view mode(static_cast<const char*>(padding->data), padding->data_size);
        state.pss = mode.substr(0, mode.find(char())) == OSSL_PKEY_RSA_PAD_MODE_PSS;
        return 1;
    }
    int mode = 0;
    if (OSSL_PARAM_get_int(padding, &mode) != 1)
        return 0;
    state.pss = mode == RSA_PKCS1_PSS_PADDING;
    return 1;
} catch (...) {
    return 0;
}

const OSSL_PARAM* signing_parameters(void* /*state*/, void* /*provider*/) noexcept
{
    static const OSSL_PARAM known[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
                                       OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
                                       OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
                                       OSSL_PARAM_END};
    return known;
}

int begin_signing(void* of, const char* digest, void* key, const OSSL_PARAM parameters[]) noexcept
try {
    auto& state = *static_cast<signing_state*>(of);
    if (key)
        state.key = static_cast<held_key*>(key);
    if (!state.key || !state.key->signer)
        return 0;
    state.digest = digest ? digest : "";
    state.pss = EVP_PKEY_is_a(state.key->public_key.get(), "RSA-PSS") == 1;
    return set_signing_parameters(of, parameters);
} catch (...) {
    return 0;
}

/// Asks, and checks the answer: an empty or wrong signature would go to the peer as it is.
std::optional<std::vector<std::byte>> ask(engine_state& engine, const signing_state& state,
                                          std::span<const std::byte> message)
{
    EVP_PKEY* const key = state.key->public_key.get();
    const std::optional<signature_scheme> scheme = scheme_of(key, state.digest, state.pss);
    if (!scheme)
        return std::nullopt;
    const remote_signer& signs = *state.key->signer;
    const std::optional<signature> answer =
        engine.ask<signature>(signature_request{signs.cert, {message.begin(), message.end()}, *scheme, signs.signer});
    if (!answer)
        return std::nullopt;
    if (!verifies(key, *scheme, message, answer->bytes)) {
        engine.refuse_with(errc::invalid_signature);
        return std::nullopt;
    }
    return answer->bytes;
}

int make_signature(void* of, unsigned char* into, std::size_t* size, std::size_t room, const unsigned char* message,
                   std::size_t message_size) noexcept
{
    const auto& state = *static_cast<signing_state*>(of);
    if (!into) {
        *size = static_cast<std::size_t>(EVP_PKEY_get_size(state.key->public_key.get()));
        return 1;
    }
    engine_state* const engine = engine_state::at_work();
    if (!engine)
        return 0;
    try {
        const auto made = ask(*engine, state, std::as_bytes(std::span(message, message_size)));
        if (!made || made->size() > room)
            return 0;
        std::memcpy(into, made->data(), made->size());
        *size = made->size();
        return 1;
    } catch (...) {
        engine->refuse_for(std::current_exception());
        return 0;
    }
}

const OSSL_DISPATCH* signing_functions() noexcept
{
    static const OSSL_DISPATCH all[] = {entry(OSSL_FUNC_SIGNATURE_NEWCTX, new_signing),
                                        entry(OSSL_FUNC_SIGNATURE_FREECTX, free_signing),
                                        entry(OSSL_FUNC_SIGNATURE_DUPCTX, copy_signing),
                                        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, begin_signing),
                                        entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, make_signature),
                                        entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_signing_parameters),
                                        entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_parameters),
                                        {0, nullptr}};
    return all;
}

// The provider.

const OSSL_ALGORITHM* find_algorithms(void* /*provider*/, int operation, int* no_cache) noexcept
{
    constexpr const char* properties = "provider=coil";
    static const OSSL_ALGORITHM keys[] = {
        {"RSA:rsaEncryption", properties, key_functions<"RSA", "RSA">(), nullptr},
        {"RSA-PSS:RSASSA-PSS", properties, key_functions<"RSA-PSS", "RSA">(), nullptr},
        {"EC:id-ecPublicKey", properties, key_functions<"EC", "ECDSA">(), nullptr},
        {"ED25519", properties, key_functions<"ED25519", "ED25519">(), nullptr},
        {"ED448", properties, key_functions<"ED448", "ED448">(), nullptr},
        {nullptr, nullptr, nullptr, nullptr}};
    static const OSSL_ALGORITHM signatures[] = {{"RSA:rsaEncryption", properties, signing_functions(), nullptr},
                                                {"ECDSA", properties, signing_functions(), nullptr},
                                                {"ED25519", properties, signing_functions(), nullptr},
                                                {"ED448", properties, signing_functions(), nullptr},
                                                {nullptr, nullptr, nullptr, nullptr}};
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT: return keys;
    case OSSL_OP_SIGNATURE: return signatures;
    default: return nullptr;
    }
}

int begin_provider(const OSSL_CORE_HANDLE* core, const OSSL_DISPATCH* /*in*/, const OSSL_DISPATCH** out,
                   void** provider) noexcept
{
    static const OSSL_DISPATCH all[] = {entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, find_algorithms), {0, nullptr}};
    *out = all;
    *provider = const_cast<OSSL_CORE_HANDLE*>(core);
    return 1;
}

/// It stays until the program ends: OpenSSL may be asked about keys until then.
OSSL_LIB_CTX* provider_context()
{
    static OSSL_LIB_CTX* const own = [] {
        OSSL_LIB_CTX* const made = OSSL_LIB_CTX_new();
        if (!made || OSSL_PROVIDER_add_builtin(made, provider_name, begin_provider) != 1 ||
            !OSSL_PROVIDER_load(made, provider_name))
            throw setup_error("signer");
        return made;
    }();
    return own;
}

}  // namespace

evp_pkey_ptr make_remote_key(X509* cert, const tls::signer& signer)
{
    EVP_PKEY* const known = X509_get0_pubkey(cert);
    const char* const type = known ? EVP_PKEY_get0_type_name(known) : nullptr;
    constexpr std::array<std::string_view, 5> signing_types{"RSA", "RSA-PSS", "EC", "ED25519", "ED448"};
    if (!type || std::ranges::find(signing_types, type) == signing_types.end())
        throw argument_error("ERR_INVALID_ARG_VALUE",
                             "signer: keys of the type " + std::string(type ? type : "unknown") + " cannot sign");
    const auto who = std::make_shared<const remote_signer>(
        remote_signer{signer, std::make_shared<const certificate>(read_certificate(cert))});
    OSSL_PARAM* exported = nullptr;
    if (EVP_PKEY_todata(known, EVP_PKEY_PUBLIC_KEY, &exported) != 1)
        throw setup_error("signer");
    const openssl_ptr<OSSL_PARAM, OSSL_PARAM_free> freed(exported);
    const signer_ptr& named = who;
    std::vector<OSSL_PARAM> parameters;
    for (const OSSL_PARAM* each = exported; each->key; ++each)
        parameters.push_back(*each);
    void* address = const_cast<signer_ptr*>(&named);
    parameters.push_back(OSSL_PARAM_construct_octet_ptr(signer_parameter, &address, sizeof named));
    parameters.push_back(OSSL_PARAM_construct_end());
    const openssl_ptr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> making(
        EVP_PKEY_CTX_new_from_name(provider_context(), type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!making || EVP_PKEY_fromdata_init(making.get()) != 1 ||
        EVP_PKEY_fromdata(making.get(), &made, EVP_PKEY_KEYPAIR, parameters.data()) != 1)
        throw setup_error("signer");
    return evp_pkey_ptr(made);
}

}  // namespace coil::tls::internal
