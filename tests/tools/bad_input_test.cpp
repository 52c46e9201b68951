#include "tests/support/credentials.hpp"
#include "tests/tools/command.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace coil;

namespace {

const test::credential_files& files()
{
    static const test::credential_files made;
    return made;
}

/// Runs coil, and checks that it says one line with all of `words` on standard error, nothing on standard output, and ends
/// with 2.
void check_refused(std::vector<std::string> arguments, const std::vector<std::string>& words, bool limited = false)
{
    std::string call = "coil";
    for (const std::string& argument : arguments)
        call += " " + argument;
    arguments.insert(arguments.begin(), test::coil_command());
    const test::finished_process how = test::run(arguments, "", limited);
    BOOST_TEST_CONTEXT(call << " said: " << how.errors)
    {
        BOOST_TEST(how.status == 2);
        BOOST_TEST(how.output == "");
        BOOST_TEST(std::ranges::count(how.errors, '\n') == 1);
        BOOST_TEST(how.errors.starts_with("coil"));
        for (const std::string& word : words)
            BOOST_TEST((how.errors.find(word) != std::string::npos), "it does not say " << word);
    }
}

/// Options of `coil serve` before a folder that exists.
void check_serve_refused(std::vector<std::string> options, const std::vector<std::string>& words, bool limited = false)
{
    options.insert(options.begin(), "serve");
    options.insert(options.end(), {"--port", "0", files().folder().string()});
    check_refused(std::move(options), words, limited);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bad_input_test)

BOOST_AUTO_TEST_CASE(a_command_that_is_missing_or_unknown_is_refused)
{
    check_refused({}, {"a command is missing"});
    check_refused({"sevre", "."}, {"\"sevre\""});
    check_refused({"--port", "1"}, {"\"--port\""});
}

BOOST_AUTO_TEST_CASE(an_option_that_is_unknown_or_lacks_its_value_is_refused)
{
    for (const std::string command : {"serve", "echo", "connect"}) {
        check_refused({command, "--frobnicate"}, {command, "--frobnicate", "--help"});
        check_refused({command, "--tls-cipher"}, {command, "--tls-cipher"});
        check_refused({command, "--ca"}, {command, "--ca"});
        check_refused({command, "--quiet=7"}, {command, "--quiet"});
        check_refused({command, "one", "two"}, {command, "argument"});
    }
}

BOOST_AUTO_TEST_CASE(a_help_that_cannot_be_written_is_a_failure, *boost::unit_test::label("F-06"))
{
    for (const std::string call : {"--help", "--version", "serve --help", "echo --help", "connect --help"}) {
        const test::finished_process how =
            test::run({"sh", "-c", "\"$1\" " + call + " > /dev/full", "sh", test::coil_command()});
        BOOST_TEST(how.status == 1, call);
        BOOST_TEST((how.errors.find("standard output cannot be written: No space left") != std::string::npos),
                   how.errors);
        BOOST_TEST(std::ranges::count(how.errors, '\n') == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_number_out_of_its_limits_is_refused)
{
    for (const char* number : {"x", "-1", "65536", "1e3", "99999999999999999999", " 1", "0x10"})
        check_refused({"echo", "--port=" + std::string(number)}, {"--port", number, "65535"});
    check_refused({"echo", "--port="}, {"--port"});
    for (const char* number : {"0", "257", "two"})
        check_serve_refused({"--threads", number}, {"--threads", number, "256"});
    check_serve_refused({"--idle-timeout", "0"}, {"--idle-timeout", "\"0\""});
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_none_is_refused)
{
    check_refused({"serve"}, {"DIR"});
    check_refused({"serve", "/nonexistent/folder"}, {"/nonexistent/folder", "No such file"});
    check_refused({"serve", files().path("root.pem")}, {files().path("root.pem"), "Not a directory"});
}

BOOST_AUTO_TEST_CASE(a_certificate_or_key_that_is_missing_or_garbage_is_refused)
{
    const test::temporary_folder folder;
    folder.write("garbage.pem", "no certificate at all\n");
    folder.write("empty.pem", "");
    folder.write("torn.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const std::string cert = files().path("server.pem");
    const std::string key = files().path("server.key");
    check_serve_refused({"--cert", cert}, {"--key"});
    check_serve_refused({"--key", key}, {"--cert"});
    check_serve_refused({"--cert", "/nonexistent.pem", "--key", key}, {"/nonexistent.pem", "No such file", "ENOENT"});
    check_serve_refused({"--cert", cert, "--key", "/nonexistent.key"}, {"/nonexistent.key", "ENOENT"});
    check_serve_refused({"--cert", folder.path().string(), "--key", key}, {folder.path().string(), "EISDIR"});
    check_serve_refused({"--cert", folder.path("garbage.pem"), "--key", key},
                        {"garbage.pem", "ERR_OSSL_PEM_NO_START_LINE"});
    check_serve_refused({"--cert", folder.path("empty.pem"), "--key", key}, {"empty.pem", "empty"});
    check_serve_refused({"--cert", folder.path("torn.pem"), "--key", key}, {"torn.pem", "ERR_"});
    check_serve_refused({"--cert", cert, "--key", folder.path("garbage.pem")}, {"garbage.pem", "ERR_OSSL_UNSUPPORTED"});
    check_serve_refused({"--request-cert", "--ca", folder.path("garbage.pem")},
                        {"garbage.pem", "ERR_OSSL_PEM_NO_START_LINE"});
    check_serve_refused({"--request-cert", "--ca", "/nonexistent.pem"}, {"/nonexistent.pem", "ENOENT"});
}

BOOST_AUTO_TEST_CASE(options_that_have_no_effect_without_each_other_are_refused, *boost::unit_test::label("F-70"))
{
    for (const std::string command : {"serve", "echo"}) {
        std::vector<std::string> call{command};
        if (command == "serve")
            call.push_back(files().folder().string());
        const auto with = [&call](std::vector<std::string> options) {
            options.insert(options.begin(), call.begin(), call.end());
            return options;
        };
        check_refused(with({"--request-cert"}), {"--request-cert", "--ca"});
        check_refused(with({"--ca", files().path("root.pem")}), {"--ca", "--request-cert"});
        check_refused(with({"--no-reject-unauthorized"}), {"--no-reject-unauthorized", "--request-cert"});
    }
}

BOOST_AUTO_TEST_CASE(limits_and_groups_that_are_none_are_refused, *boost::unit_test::label("F-23"))
{
    const test::temporary_folder folder;
    folder.write("garbage.pem", "no group at all\n");
    for (const char* number : {"0", "86401", "soon", "-1"})
        check_serve_refused({"--handshake-timeout=" + std::string(number)}, {"--handshake-timeout", number});
    for (const char* number : {"-1", "many", "1000001"})
        check_serve_refused({"--max-connections=" + std::string(number)}, {"--max-connections", number});
    check_serve_refused({"--dhparam", folder.path("garbage.pem")}, {"dhparam", "garbage.pem", "ERR_OSSL_UNSUPPORTED"});
    check_serve_refused({"--dhparam", "/nonexistent.pem"}, {"/nonexistent.pem", "ENOENT"});
    check_refused({"connect", "--dhparam", "auto", "localhost"}, {"--dhparam"});
}

BOOST_AUTO_TEST_CASE(a_key_that_does_not_belong_to_the_certificate_is_refused)
{
    check_serve_refused({"--cert", files().path("server.pem"), "--key", files().path("server_a.key")},
                        {"server_a.key", "ERR_OSSL_X509_KEY_VALUES_MISMATCH"});
    check_refused({"connect", "--cert", files().path("server.pem"), "--key", files().path("server_a.key"), "localhost"},
                  {"server_a.key", "ERR_OSSL_X509_KEY_VALUES_MISMATCH"});
}

BOOST_AUTO_TEST_CASE(an_encrypted_key_needs_its_passphrase)
{
    const test::temporary_folder folder;
    const test::identity& server = test::shared_credentials().server;
    folder.write("cert.pem", server.cert);
    folder.write("key.pem", server.encrypted_key("right"));
    folder.write("wrong", "wrong\n");
    const std::vector<std::string> identity{"--cert", folder.path("cert.pem"), "--key", folder.path("key.pem")};
    check_serve_refused(identity, {"key.pem", "ERR_"});
    std::vector<std::string> wrong = identity;
    wrong.insert(wrong.end(), {"--passphrase-file", folder.path("wrong")});
    check_serve_refused(wrong, {"key.pem", "ERR_OSSL_BAD_DECRYPT"});
    check_serve_refused({"--passphrase-file", folder.path("wrong")}, {"--passphrase-file", "--key"});
}

BOOST_AUTO_TEST_CASE(ciphers_versions_and_protocols_that_do_not_exist_are_refused)
{
    check_serve_refused({"--tls-cipher-list", "NO-SUCH-CIPHER"}, {"NO-SUCH-CIPHER", "ERR_SSL_NO_CIPHER_MATCH"});
    check_serve_refused({"--tls-min-v1.3", "--tls-max-v1.2"}, {"--tls-min-v1.3", "--tls-max-v1.2"});
    check_serve_refused({"--alpn", "a,,b"}, {"--alpn", "a,,b"});
    check_serve_refused({"--alpn", std::string(256, 'x')}, {"--alpn"});
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_refused_with_any_number_of_threads)
{
    for (const std::string first : {"1", "2"}) {
        test::running_server running({"echo", "--quiet", "--threads", first});
        for (const std::string second : {"1", "2"})
            check_refused({"echo", "--threads", second, "--port", running.port()},
                          {running.port(), "Address already in use", "EADDRINUSE"});
    }
}

BOOST_AUTO_TEST_CASE(an_address_that_is_not_this_machine_s_is_refused)
{
    check_serve_refused({"--host", "nowhere"}, {"--host", "nowhere"});
    check_serve_refused({"--host", "192.0.2.1"}, {"192.0.2.1", "EADDRNOTAVAIL"});
}

BOOST_AUTO_TEST_CASE(what_the_user_has_no_permission_for_is_refused)
{
    const test::temporary_folder folder;
    folder.write("secret.pem", test::shared_credentials().server.cert);
    folder.write("closed/file", "");
    std::filesystem::permissions(folder.path("secret.pem"), std::filesystem::perms::none);
    std::filesystem::permissions(folder.path("closed"), std::filesystem::perms::none);
    check_serve_refused({"--cert", folder.path("secret.pem"), "--key", files().path("server.key")},
                        {"secret.pem", "Permission denied", "EACCES"}, true);
    check_refused({"serve", "--port", "0", folder.path("closed")}, {"closed", "Permission denied"}, true);
    std::filesystem::permissions(folder.path("closed"), std::filesystem::perms::owner_all);
    if (std::stoi(test::read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start")) > 1)
        check_refused({"echo", "--port", "1"}, {"port 1", "Permission denied", "EACCES"}, true);
}

BOOST_AUTO_TEST_CASE(a_port_file_that_cannot_be_written_ends_the_server_before_it_says_that_it_runs)
{
    check_serve_refused({"--port-file", "/nonexistent/port"}, {"/nonexistent/port", "No such file"});
}

BOOST_AUTO_TEST_CASE(a_target_to_connect_to_that_is_malformed_is_refused)
{
    check_refused({"connect"}, {"HOST"});
    for (const char* target : {":443", "[::1", "[::1]443", "[nowhere]:443", "https://example.com/"})
        check_refused({"connect", target}, {target, "HOST:PORT"});
    for (const char* target : {"example.com:", "example.com:0", "example.com:65536", "example.com:https"})
        check_refused({"connect", target}, {target, "65535"});
}

BOOST_AUTO_TEST_SUITE_END()
