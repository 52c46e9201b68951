// How contexts are found and shared, and what is refused when one is made because it could never work.
#include <coil/tls/tls.hpp>

#include <coil/tls/internal/context_cache.hpp>
#include <coil/tls/internal/server_names.hpp>

#include "tests/support/engine_pair.hpp"
#include "tests/support/tls_loopback.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/dsa.h>
#include <openssl/pem.h>

#include <string>
#include <vector>

using namespace coil;
using boost::unit_test::label;
using tls::create_secure_context;
using tls::engine_options;
using tls::protocol_version;

namespace {

const test::credentials& all()
{
    return test::shared_credentials();
}

/// "CODE: message" of what `call` throws; empty if it does not.
template <class Call>
std::string refusal(Call call)
{
    try {
        call();
    } catch (const tls::error& failure) {
        return failure.code() + ": " + failure.what();
    }
    return "";
}

std::string refusal_of(const tls::secure_context_options& options)
{
    return refusal([&] { create_secure_context(options); });
}

bool says(const std::string& refused, std::string_view code, std::string_view word)
{
    return refused.starts_with(std::string(code) + ": ") && refused.find(word) != std::string::npos;
}

constexpr const char* dh_group =  // 2048 bits, ffdhe2048
    "-----BEGIN DH PARAMETERS-----\n"
    "MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz\n"
    "+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a\n"
    "87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7\n"
    "YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi\n"
    "7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD\n"
    "ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==\n"
    "-----END DH PARAMETERS-----\n";

std::string dsa_parameters()
{
    const tls::internal::openssl_ptr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> maker(EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, nullptr));
    EVP_PKEY* made = nullptr;
    BOOST_TEST_REQUIRE(EVP_PKEY_paramgen_init(maker.get()) == 1);
    BOOST_TEST_REQUIRE(EVP_PKEY_CTX_set_dsa_paramgen_bits(maker.get(), 1024) == 1);
    BOOST_TEST_REQUIRE(EVP_PKEY_paramgen(maker.get(), &made) == 1);
    const tls::internal::evp_pkey_ptr owned(made);
    const tls::internal::bio_ptr out(BIO_new(BIO_s_mem()));
    BOOST_TEST_REQUIRE(PEM_write_bio_Parameters(out.get(), made) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// A block that begins and ends like `whole` and holds rubbish.
std::string broken(std::string whole)
{
    const std::size_t at = whole.find('\n') + 1;
    whole.replace(at, 8, "!!!!!!!!");
    return whole;
}

/// Many certificates of authorities with long names.
std::string many_roots(int count)
{
    const auto root = [](int number) {
        return test::self_signed({.common_name = "root " + std::to_string(number),
                                  .subject = {{"O", std::string(64, 'o')},
                                              {"OU", std::string(64, 'u')},
                                              {"L", std::string(120, 'l')},
                                              {"ST", std::string(120, 's')}}});
    };
    std::string text;
    for (int i = 0; i < count; ++i)
        text += root(i).cert;
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(context_test)

BOOST_AUTO_TEST_CASE(a_hundred_thousand_server_names_are_added_and_found_as_fast_as_a_few, *label("F-21"))
{
    tls::internal::server_names names;
    const tls::secure_context one = create_secure_context();
    const tls::secure_context other = create_secure_context();
    // With copies or linear searches these calls would take longer than the test may.
    constexpr int count = 50'000;
    for (int i = 0; i < count; ++i) {
        names.add("host" + std::to_string(i) + ".example.com", one);
        names.add("*.zone" + std::to_string(i) + ".example.com", other);
    }
    int wrong = 0;
    for (int i = 0; i < count; i += 7) {
        wrong += names.find("HOST" + std::to_string(i) + ".example.com.") == one ? 0 : 1;
        wrong += names.find("www.zone" + std::to_string(i) + ".example.com") == other ? 0 : 1;
        wrong += names.find("a.b.zone" + std::to_string(i) + ".example.com") ? 1 : 0;
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(of_all_patterns_that_match_the_newest_wins_whatever_its_form, *label("F-21 SNI-03"))
{
    const std::string forms[] = {"www.example.com", "*.example.com", "w*w.example.com", "*.example.*"};
    for (const std::string& first : forms)
        for (const std::string& second : forms) {
            tls::internal::server_names names;
            BOOST_TEST(names.empty());
            const tls::secure_context old = create_secure_context();
            const tls::secure_context recent = create_secure_context();
            names.add(first, old);
            BOOST_TEST((names.find("www.example.com") == old), first);
            names.add(second, recent);
            BOOST_TEST((names.find("www.example.com") == recent), first << " " << second);
            BOOST_TEST(!names.find("www.example.org.uk"));
        }
}

BOOST_AUTO_TEST_CASE(a_server_takes_a_hundred_thousand_names, *label("F-21 SRV-02"))
{
    test::run([]() -> task<> {
        tls::server server = tls::create_server(test::serving(all().server), test::echo);
        const std::uint16_t port = test::listen_anywhere(server);
        const tls::secure_context named =
            create_secure_context({.cert = all().server_a.cert, .key = all().server_a.key});
        for (int i = 0; i < 100'000; ++i)
            server.add_context("host" + std::to_string(i) + ".example.com", named);
        server.add_context("a.example.com", named);
        tls::connect_options options;
        options.servername = "a.example.com";
        tls::socket client = tls::connect(test::client_of(port, std::move(options)));
        auto connecting = client.secure_connect();
        const result<> connected = co_await connecting;
        BOOST_TEST(test::name_of(connected) == "");
        BOOST_TEST(client.get_peer_certificate()->subject->get("CN").value() == "a.example.com");
    });
}

BOOST_AUTO_TEST_CASE(connections_with_equal_options_share_a_context, *label("F-22 CTX-02"))
{
    using tls::internal::shared_context;
    using tls::internal::shared_contexts;
    const tls::secure_context_options options{.ca = all().root.certificate(), .session_id_context = "shared"};
    const std::size_t before = shared_contexts();
    {
        const tls::secure_context one = shared_context(options);
        BOOST_TEST((shared_context(options) == one));
        BOOST_TEST(shared_contexts() == before + 1);
        std::vector<tls::socket> sockets;
        for (int i = 0; i < 100; ++i)
            sockets.push_back(tls::connect({.port = 1, .secure_context = options}));
        BOOST_TEST(shared_contexts() == before + 1);
        // The same certificates out of a file, and as a text of its own, are the same.
        const test::credential_files files;
        tls::secure_context_options from_file = options;
        from_file.ca = tls::file(files.path("root.pem"));
        BOOST_TEST((shared_context(from_file) == one));
        // Each of these is another.
        tls::secure_context_options changed = options;
        changed.ca = all().other_root.certificate();
        BOOST_TEST((shared_context(changed) != one));
        changed = options;
        changed.passphrase = "";
        BOOST_TEST((shared_context(changed) != one));
        const tls::settings standard = tls::defaults();
        tls::settings other = standard;
        other.min_version = protocol_version::tlsv1_3;
        tls::set_defaults(other);
        BOOST_TEST((shared_context(options) != one));
        tls::set_defaults(standard);
        BOOST_TEST((shared_context(options) == one));
    }
    // Contexts with private keys go with their last user; of the others only a few stay.
    const tls::secure_context_options with_key{.cert = all().client.cert, .key = all().client.key};
    const std::size_t without = shared_contexts();
    {
        const tls::secure_context held = shared_context(with_key);
        BOOST_TEST(shared_contexts() == without + 1);
    }
    BOOST_TEST(shared_contexts() == without);
    for (int i = 0; i < 100; ++i)
        shared_context({.ca = all().root.certificate(), .session_id_context = std::to_string(i)});
    BOOST_TEST(shared_contexts() == 8u);
}

BOOST_AUTO_TEST_CASE(more_authorities_than_a_request_can_name_are_refused_at_once, *label("F-28"))
{
    const std::string fitting = many_roots(140);
    const tls::secure_context_options trusting{
        .ca = tls::pem{fitting, many_roots(30)}, .cert = all().server.cert, .key = all().server.key};
    const tls::secure_context context = create_secure_context(trusting);  // a client names nobody
    const engine_options asking{.request_cert = true};
    const std::string refused = refusal([&] { tls::engine(context, tls::role::server, asking); });
    BOOST_TEST(says(refused, "ERR_INVALID_ARG_VALUE", "170 authorities"), refused);
    BOOST_TEST(says(refused, "ERR_INVALID_ARG_VALUE", "has room for 65023"), refused);
    BOOST_TEST(refusal([&] { tls::engine(context, tls::role::server); }) == "");
    test::run([&]() -> task<> {
        tls::server_options options;
        options.request_cert = true;
        options.secure_context = context;
        BOOST_TEST(says(refusal([&] { tls::create_server(options, test::echo); }), "ERR_INVALID_ARG_VALUE", "ca"));
        options.secure_context = {};
        tls::server server = tls::create_server(test::serving(all().server, options), test::echo);
        BOOST_TEST(says(refusal([&] { server.add_context("a.com", context); }), "ERR_INVALID_ARG_VALUE", "ca"));
        BOOST_TEST(says(refusal([&] { server.set_secure_context(trusting); }), "ERR_INVALID_ARG_VALUE", "ca"));
        co_return;
    });
    // A handler that chooses such a context fails its handshake.
    test::engine_pair chosen(create_secure_context({.ca = all().root.certificate()}), {.servername = "localhost"},
                             create_secure_context({.cert = all().server.cert, .key = all().server.key}),
                             {.ask = {.client_hello = true}, .request_cert = true});
    chosen.server.answer = test::by_name([&](const std::string&) { return context; });
    BOOST_TEST(!chosen.handshake());
    BOOST_TEST(chosen.server.code() == "ERR_TLS_HANDLER_FAILED");

    // What just fits can be asked for, in both versions.
    const tls::secure_context most = create_secure_context(
        {.ca = tls::pem{fitting, all().root.certificate()}, .cert = all().server.cert, .key = all().server.key});
    for (const protocol_version version : {protocol_version::tlsv1_2, protocol_version::tlsv1_3}) {
        test::engine_pair pair(create_secure_context({.ca = all().root.certificate(),
                                                      .cert = all().client.cert,
                                                      .key = all().client.key,
                                                      .max_version = version}),
                               {.servername = "localhost"}, most, asking);
        BOOST_TEST(pair.handshake());
        BOOST_TEST(pair.server.engine.authorized());
    }
}

BOOST_AUTO_TEST_CASE(a_broken_block_behind_a_good_one_is_never_left_out, *label("F-60 BYD-25 CTX-17"))
{
    const std::string crl = all().root.revoke({});
    const std::string newer = all().root.revoke({all().client});
    for (const bool strict : {true, false}) {
        const auto with = [&](std::string lists) {
            return refusal_of({.ca = all().root.certificate(), .crl = std::move(lists), .strict = strict});
        };
        BOOST_TEST(with(crl) == "");
        BOOST_TEST(with(crl + newer) == "");
        BOOST_TEST(says(with(crl + broken(newer)), "ERR_CRYPTO_OPERATION_FAILED", "CRL"));
        BOOST_TEST(says(with(broken(crl) + newer), "ERR_CRYPTO_OPERATION_FAILED", "CRL"));
    }
    const std::string root = all().root.certificate();
    BOOST_TEST(refusal_of({.ca = root + broken(all().other_root.certificate())}) != "");
    BOOST_TEST(refusal_of({.cert = all().server_below.leaf() + broken(root), .key = all().server_below.key}) != "");
    // Only one key of a text would be looked at.
    const std::string both = all().server.key + all().server_rsa.key;
    BOOST_TEST(
        says(refusal_of({.cert = all().server.cert, .key = both}), "ERR_INVALID_ARG_VALUE", "more than one key"));
    BOOST_TEST(refusal_of({.cert = all().server.cert, .key = all().server.cert + all().server.key}) == "");
}

BOOST_AUTO_TEST_CASE(dh_parameters_of_another_kind_or_more_than_one_are_refused, *label("F-62 F-66 CTX-19"))
{
    const auto with = [](tls::pem group) { return refusal_of({.dhparam = std::move(group)}); };
    BOOST_TEST(with(dh_group) == "");
    BOOST_TEST(says(with(dsa_parameters()), "ERR_INVALID_ARG_VALUE", "DSA"));
    BOOST_TEST(says(with(tls::pem{dh_group, dh_group}), "ERR_INVALID_ARG_VALUE", "more than one group"));
    BOOST_TEST(says(with(std::string(dh_group) + dh_group), "ERR_INVALID_ARG_VALUE", "more than one group"));
    BOOST_TEST(says(with(tls::pem{"auto", dh_group}), "ERR_INVALID_ARG_VALUE", "more than one group"));
}

BOOST_AUTO_TEST_CASE(an_option_takes_a_context_or_options_for_one_and_cannot_hold_both,
                     *label("F-61 BYD-24 CONN-21 CTX-03"))
{
    static_assert(std::is_same_v<decltype(tls::connect_options::secure_context), tls::secure_context>);
    static_assert(std::is_same_v<decltype(tls::server_options::secure_context), tls::secure_context>);
    static_assert(std::is_same_v<decltype(tls::socket_options::secure_context), tls::secure_context>);
    const tls::secure_context_options trusting{.ca = all().root.certificate()};
    const tls::connect_options inline_options{.secure_context = {{.ca = all().root.certificate()}}};
    BOOST_TEST((inline_options.secure_context == tls::secure_context(trusting)));  // equal ones are shared
    BOOST_TEST((inline_options.secure_context != create_secure_context(trusting)));
    BOOST_TEST(!tls::connect_options().secure_context);
    BOOST_TEST(says(refusal([] { const tls::connect_options bad{.secure_context = {{.ciphers = "FOOBARBAZ"}}}; }),
                    "ERR_SSL_NO_CIPHER_MATCH", "FOOBARBAZ"));
}

BOOST_AUTO_TEST_CASE(options_about_keys_that_could_have_no_effect_are_refused_by_name, *label("BYD-38 OPT-13"))
{
    const tls::secure_context context = create_secure_context({.cert = all().server.cert, .key = all().server.key});
    const auto with = [&](tls::role role) {
        return refusal([&] { tls::engine(context, role, {.psk_identity_hint = "which"}); });
    };
    const auto around = [&](bool is_server, auto change) {
        return refusal([&] {
            tls::socket_options options{.is_server = is_server, .secure_context = context};
            change(options);
            const tls::socket never(net::connect({.port = 1}), std::move(options));
        });
    };
    const auto known = [] { return std::optional<tls::psk_key>(); };
    const auto proposed = [] { return std::optional<tls::psk_identity>(); };
    const std::pair<std::string, std::string> refused[] = {
        {"psk_identity_hint", with(tls::role::client)},
        {"psk_identity_hint", with(tls::role::server)},
        {"psk_identity_hint", around(true, [](auto& options) { options.psk_identity_hint = "which"; })},
        {"psk_server_callback", around(false, [&](auto& options) { options.psk_server_callback = known; })},
        {"psk_client_callback", around(true, [&](auto& options) { options.psk_client_callback = proposed; })},
    };
    for (const auto& [name, what] : refused)
        BOOST_TEST(says(what, "ERR_INVALID_ARG_VALUE", name), name << ": " << what);
}

BOOST_AUTO_TEST_CASE(options_that_could_have_no_effect_are_refused_by_name, *label("F-62 BYD-38 ERR-21"))
{
    const tls::secure_context context = create_secure_context({.cert = all().server.cert, .key = all().server.key});
    const auto with = [&](tls::role role, engine_options options) {
        return refusal([&] { tls::engine(context, role, std::move(options)); });
    };
    const auto around = [&](bool is_server, auto change) {
        return refusal([&] {
            tls::socket_options options{.is_server = is_server, .secure_context = context};
            change(options);
            const tls::socket never(net::connect({.port = 1}), std::move(options));
        });
    };
    const auto choose = [](const std::string&) { return tls::secure_context(); };
    const auto judge = [] { return tls::verdict::unchanged(); };
    const std::pair<std::string, std::string> refused[] = {
        {"ask.client_hello", with(tls::role::client, {.ask = {.client_hello = true}})},
        {"ask.alpn", with(tls::role::client, {.ask = {.alpn = true}})},
        {"ask.server_identity", with(tls::role::server, {.ask = {.server_identity = true}})},
        {"request_cert", with(tls::role::client, {.request_cert = true})},
        {"sni_callback", around(false, [&](auto& options) { options.sni_callback = choose; })},
        {"alpn_callback", around(false, [](auto& options) { options.alpn_callback = [] { return "h2"; }; })},
        {"request_cert", around(false, [](auto& options) { options.request_cert = true; })},
        {"check_server_identity", around(true,
                                         [](auto& options) {
                                             options.check_server_identity = [] {
                                                 return std::optional<tls::identity_error>();
                                             };
                                         })},
        {"host", around(true, [](auto& options) { options.host = "localhost"; })},
        {"servername", around(true, [](auto& options) { options.servername = "localhost"; })},
        {"verify_peer", around(true, [&](auto& options) { options.verify_peer = judge; })},
        {"handshake_timeout",
         around(true, [](auto& options) { options.handshake_timeout = std::chrono::milliseconds(-1); })},
        {"host", with(tls::role::server, {.host = "localhost"})},
        {"servername", with(tls::role::server, {.servername = "localhost"})},
        {"ciphers", refusal_of({.ciphers = "TLS_AES_256_GCM_SHA384", .max_version = protocol_version::tlsv1_2})},
        {"handshake_timeout",
         refusal([] { tls::connect({.handshake_timeout = std::chrono::milliseconds(-1), .port = 1}); })},
        {"keep_alive_initial_delay",
         refusal([] { tls::connect({.keep_alive_initial_delay = std::chrono::seconds(-1), .port = 1}); })},
        {"alpn_protocols",
         refusal([] { tls::alpn_protocol_list(std::vector<std::string>(274, std::string(255, 'a'))); })},
    };
    for (const auto& [name, what] : refused)
        BOOST_TEST(says(what, "ERR_INVALID_ARG_VALUE", name), name << ": " << what);
    BOOST_TEST(says(around(true,
                           [](auto& options) {
                               options.alpn_callback = [] { return "h2"; };
                               options.alpn_protocols = {"h2"};
                           }),
                    "ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS", "alpn_protocols"));
    BOOST_TEST(says(with(tls::role::server, {.alpn_protocols = {"h2"}, .ask = {.alpn = true}}),
                    "ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS", "alpn_protocols"));
    test::run([]() -> task<> {
        tls::server_options slow;
        slow.handshake_timeout = std::chrono::milliseconds(-1);
        BOOST_TEST(says(refusal([&] { tls::create_server(test::serving(all().server, slow), test::echo); }),
                        "ERR_INVALID_ARG_VALUE", "handshake_timeout"));
        tls::server_options late;
        late.keep_alive_initial_delay = std::chrono::seconds(-1);
        BOOST_TEST(says(refusal([&] { tls::create_server(test::serving(all().server, late), test::echo); }),
                        "ERR_INVALID_ARG_VALUE", "keep_alive_initial_delay"));
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(a_name_s_context_without_groups_has_those_of_the_library, *label("F-68 SNI-13"))
{
    const auto server = [](std::optional<std::string> groups) {
        return create_secure_context(
            {.cert = all().server.cert, .ecdh_curve = std::move(groups), .key = all().server.key});
    };
    const tls::secure_context plain = server(std::nullopt);
    const tls::secure_context pinned = server("P-256");
    int taken = 0;
    for (const char* group : {"X25519", "P-256", "X448", "P-521", "P-384", "ffdhe2048", "ffdhe8192", "X25519MLKEM768",
                              "SecP256r1MLKEM768", "brainpoolP256r1tls13"}) {
        tls::secure_context offers;
        try {
            offers = create_secure_context({.ca = all().root.certificate(), .ecdh_curve = group});
        } catch (const tls::error&) {
            continue;  // this library does not know it
        }
        const engine_options named{.servername = "localhost"};
        test::engine_pair direct(offers, named, plain, {});
        test::engine_pair switched(offers, named, pinned, {.ask = {.client_hello = true}});
        switched.server.answer = test::by_name([&](const std::string&) { return plain; });
        const bool known = direct.handshake();
        BOOST_TEST(switched.handshake() == known, group);
        taken += known ? 1 : 0;
        // And the other way round.
        test::engine_pair narrowed(offers, named, plain, {.ask = {.client_hello = true}});
        narrowed.server.answer = test::by_name([&](const std::string&) { return pinned; });
        BOOST_TEST(narrowed.handshake() == (std::string_view(group) == "P-256"), group);
    }
    BOOST_TEST(taken >= 5);
}

BOOST_AUTO_TEST_SUITE_END()
