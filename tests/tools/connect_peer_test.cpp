#include "tests/support/credentials.hpp"
#include "tests/support/peer_process.hpp"
#include "tests/tools/command.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace coil;

namespace {

/// Servers that are not coil's, which take the end of what a client sends as they like.
struct peers {
    test::credential_files files;
    test::temporary_folder folder;

    /// A Node program that calls `listening(server)` for the server that it made of `tls_options`.
    test::process node(const std::string& program) const
    {
        const std::string before = "const tls = require('tls'), https = require('https'), fs = require('fs');\n"
                                   "const [cert, key, ca, port] = process.argv.slice(1);\n"
                                   "const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };\n"
                                   "const listening = server => server.listen(0, '127.0.0.1',\n"
                                   "    () => console.log('port', server.address().port, ''));\n";
        return test::process({test::node_program(), "-e", before + program, files.path("server.pem"),
                              files.path("server.key"), files.path("root.pem")});
    }

    /// Waits for `words` in what `peer` says. @return what it said.
    static std::string says(const test::process& peer, const std::string& words)
    {
        std::string said;
        for (int i = 0; i < 3000 && said.find(words) == std::string::npos; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            said = peer.output();
        }
        BOOST_TEST((said.find(words) != std::string::npos), "\"" << words << "\" is not said: " << said);
        return said;
    }

    static std::string port_of(const test::process& peer)
    {
        const std::string said = says(peer, "\n");
        const std::size_t begin = said.find("port ") + 5;
        return said.substr(begin, said.find(' ', begin) - begin);
    }

    /// A shell line in which "$connect" is `coil connect` to `port`.
    test::finished_process shell(const std::string& line, const std::string& port) const
    {
        return test::run({"sh", "-c", "connect=\"$1 connect --quiet --ca $2 localhost:$3\"; folder=\"$4\"; " + line,
                          "sh", test::coil_command(), files.path("root.pem"), port, folder.path().string()});
    }

    /// A server of OpenSSL's that shows the records of one connection. @param send  a shell line of what it sends.
    test::process openssl(const std::string& send) const
    {
        return test::process({"sh", "-c",
                              "(" + send +
                                  ") | openssl s_server -msg -naccept 1 -accept 127.0.0.1:0 -cert \"$1\" "
                                  "-key \"$2\"",
                              "sh", files.path("server.pem"), files.path("server.key")});
    }
};

/// Where a server of OpenSSL's listens, which it says in a line such as "ACCEPT 127.0.0.1:12345".
std::string openssl_port(const test::process& peer)
{
    peers::says(peer, "ACCEPT");
    for (int i = 0; i < 500 && !peer.output().ends_with('\n'); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::string said = peer.output();
    const std::size_t colon = said.find_last_of(':') + 1;
    return said.substr(colon, said.size() - 1 - colon);
}

/// The headlines of the records that the server of OpenSSL's received.
std::string received(const std::string& said)
{
    std::string lines;
    for (std::size_t begin = 0; (begin = said.find("<<<", begin)) != std::string::npos;) {
        const std::size_t end = said.find('\n', begin);
        lines += said.substr(begin, end - begin) + "\n";
        begin = end;
    }
    return lines;
}

constexpr const char* http_request = "printf 'GET / HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n'";

void check_says(const std::string& text, const std::vector<std::string>& words)
{
    for (const std::string& word : words)
        BOOST_TEST((text.find(word) != std::string::npos), "it does not say " << word << ":\n" << text);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(connect_peer_test, peers)

BOOST_AUTO_TEST_CASE(an_answer_of_node_s_https_comes_although_it_takes_a_while, *boost::unit_test::label("F-05"))
{
    const test::process peer = node("listening(https.createServer(options, (request, response) =>\n"
                                    "    setTimeout(() => response.end('the answer'), 50)));");
    const test::finished_process how = shell(std::string(http_request) + " | $connect", port_of(peer));
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.errors == "");
    BOOST_TEST(how.output.ends_with("\r\n\r\nthe answer"), how.output);
}

BOOST_AUTO_TEST_CASE(a_file_of_nginx_comes_whole, *boost::unit_test::label("F-05"))
{
    const std::string port = std::to_string(test::free_port());
    folder.write("www/big", std::string(3'000'241, 'x'));
    folder.write("nginx.conf", "daemon off; master_process off; user root; error_log stderr; pid " +
                                   folder.path("pid") + ";\nevents {}\nhttp { access_log off; client_body_temp_path " +
                                   folder.path("body") + "; proxy_temp_path " + folder.path("proxy") +
                                   "; fastcgi_temp_path " + folder.path("fastcgi") + "; uwsgi_temp_path " +
                                   folder.path("uwsgi") + "; scgi_temp_path " + folder.path("scgi") +
                                   ";\nserver { listen 127.0.0.1:" + port + " ssl; root " + folder.path("www") +
                                   "; ssl_certificate " + files.path("server.pem") + "; ssl_certificate_key " +
                                   files.path("server.key") + "; } }\n");
    test::process nginx({"/usr/sbin/nginx", "-c", folder.path("nginx.conf"), "-p", folder.path().string()});
    test::finished_process how;
    for (int i = 0; i < 200; ++i) {
        how = shell("printf 'GET /big HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | $connect", port);
        if (how.errors.find("ECONNREFUSED") == std::string::npos)
            break;  // it listens
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    nginx.send_signal(SIGTERM);
    BOOST_TEST(how.status == 0);
    BOOST_TEST(how.errors == "", how.errors << nginx.wait().errors);
    const std::size_t body = how.output.find("\r\n\r\n");
    BOOST_TEST_REQUIRE(body != std::string::npos);
    BOOST_TEST(how.output.size() - body - 4 == 3'000'241U);
}

BOOST_AUTO_TEST_CASE(a_server_that_waits_for_the_end_is_told_of_it_where_asked_for, *boost::unit_test::label("F-05"))
{
    const test::process peer = node("listening(tls.createServer({ ...options, allowHalfOpen: true }, socket => {\n"
                                    "    let size = 0;\n"
                                    "    socket.on('data', data => size += data.length);\n"
                                    "    socket.on('end', () => socket.end(`${size} bytes`));\n"
                                    "}));");
    for (const char* option : {"--half-close", "-N"}) {
        const test::finished_process how =
            shell("head -c 3000000 /dev/zero | $connect " + std::string(option), port_of(peer));
        BOOST_TEST(how.status == 0);
        BOOST_TEST(how.errors == "");
        BOOST_TEST(how.output == "3000000 bytes");
    }
}

constexpr const char* banner_then_reads =
    "listening(tls.createServer({ ...options, allowHalfOpen: true, maxVersion: 'TLSv1.VERSION' }, socket => {\n"
    "    let text = 0, last = '';\n"
    "    socket.write('banner');\n"
    "    setImmediate(() => socket.end());\n"  // at once it would leave out close_notify
    "    socket.on('data', data => { text += data.length; last = data.toString('latin1').slice(-5); });\n"
    "    socket.on('error', () => {});\n"
    "    socket.on('end', () => console.log('end', text, last.trim(), ''));\n"
    "}));";

std::string banner_server(const std::string& minor)
{
    std::string program = banner_then_reads;
    return program.replace(program.find("VERSION' }, socket"), 7, minor);
}

BOOST_AUTO_TEST_CASE(a_server_that_ended_its_own_side_gets_all_of_standard_input, *boost::unit_test::label("F-04"))
{
    const test::process peer = node(banner_server("3"));
    const std::string port = port_of(peer);
    const test::finished_process much = shell("head -c 20000000 /dev/zero | $connect", port);
    BOOST_TEST(much.status == 0);
    BOOST_TEST(much.errors == "");
    BOOST_TEST(much.output == "banner");
    says(peer, "end 20000000 ");
    const test::finished_process late = shell("(sleep 0.3; echo late) | $connect", port);
    BOOST_TEST(late.status == 0);
    BOOST_TEST(late.errors == "");
    BOOST_TEST(late.output == "banner");
    says(peer, "end 5 late");
}

BOOST_AUTO_TEST_CASE(what_was_not_sent_is_said_where_a_server_ends_at_tls_1_2, *boost::unit_test::label("F-04"))
{
    const test::process peer = node(banner_server("2"));
    const std::string port = port_of(peer);
    const test::finished_process much = shell("cat /dev/zero | $connect", port);
    BOOST_TEST(much.status == 1);
    BOOST_TEST(much.output == "banner");
    BOOST_TEST(std::ranges::count(much.errors, '\n') == 1, much.errors);
    check_says(much.errors, {"coil connect:", "bytes of standard input", "were not sent"});
    // One that said all that it had to say before has nothing to complain of.
    const test::finished_process little = shell("echo early | $connect", port);
    BOOST_TEST(little.status == 0);
    BOOST_TEST(little.errors == "");
}

BOOST_AUTO_TEST_CASE(a_side_that_fails_is_named_and_the_server_sees_no_orderly_end, *boost::unit_test::label("F-06"))
{
    struct {
        std::string line;
        std::string sends;
        std::vector<std::string> words;
    } const cases[] = {
        {"$connect --half-close < /dev/null", "sleep 20", {}},  // nothing fails
        {"$connect < \"$folder\"", "sleep 20", {"standard input", "EISDIR"}},
        {"$connect < /proc/self/mem", "sleep 20", {"standard input", "EIO"}},
        {"sleep 20 | $connect > /dev/full", "echo something; sleep 20", {"standard output", "ENOSPC"}},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.line)
        {
            const test::process peer = openssl(each.sends);
            const test::finished_process how = shell(each.line, openssl_port(peer));
            BOOST_TEST(how.status == (each.words.empty() ? 0 : 1));
            BOOST_TEST(std::ranges::count(how.errors, '\n') == (each.words.empty() ? 0 : 1), how.errors);
            check_says(how.errors, each.words);
            const bool in_order = received(says(peer, "CONNECTION CLOSED")).find("close_notify") != std::string::npos;
            BOOST_TEST(in_order == each.words.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(an_upload_that_was_refused_reads_why_when_it_has_sent_everything, *boost::unit_test::label("F-08"))
{
    folder.write("www/file", "x");
    const test::running_server server({"serve", "--quiet", "--cert", files.path("server.pem"), "--key",
                                       files.path("server.key"), folder.path("www")});
    const std::string program =
        "const socket = require('tls').connect({ port: Number(process.argv[1]), rejectUnauthorized: false,\n"
        "    allowHalfOpen: true }, () => {\n"
        "    socket.write('GET /file HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 20000000\\r\\n\\r\\n');\n"
        "    let left = 30;\n"
        "    const timer = setInterval(() => {\n"
        "        socket.write(Buffer.alloc(500000));\n"
        "        if (--left > 0) return;\n"
        "        clearInterval(timer);\n"
        "        socket.on('data', data => process.stdout.write(data));\n"
        "        socket.on('end', () => socket.end());\n"
        "    }, 100);\n"
        "});\n"
        "socket.on('error', error => console.log(error.code));\n";
    const test::finished_process how = test::run({test::node_program(), "-e", program, server.port()});
    BOOST_TEST(how.output.starts_with("HTTP/1.1 413 "), how.output);
}

BOOST_AUTO_TEST_SUITE_END()
