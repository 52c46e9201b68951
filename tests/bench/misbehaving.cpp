// The benchmark with servers that do not do what they should, for tests. It says in a line for each system what came of it.
//     misbehaving [--unpinned] SCENARIO SYSTEM...

#include "bench/credentials.hpp"
#include "bench/openssl.hpp"
#include "bench/run.hpp"
#include "bench/run_watcher.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <exception>
#include <string>
#include <vector>

#include <csignal>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using namespace bench;

using listeners = std::array<pollfd, 4>;

listeners listen_from(std::uint16_t port)
{
    listeners all;
    for (pollfd& one : all) {
        one = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), POLLIN, 0};
        const int on = 1;
        setsockopt(one.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(port++);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(one.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(one.fd, 64) != 0)
            throw std::runtime_error("cannot listen");
    }
    return all;
}

/// The next connection, whichever port it comes to.
int accept_next(listeners& all)
{
    for (;;) {
        poll(all.data(), all.size(), -1);
        for (const pollfd& one : all)
            if (one.revents != 0)
                return accept(one.fd, nullptr, nullptr);
    }
}

[[noreturn]] void sleep_forever()
{
    for (;;)
        pause();
}

void refuse(listeners& all)
{
    for (std::size_t i = 0; i < all.size(); ++i)
        close(accept_next(all));  // they only look whether it listens
    for (const pollfd& one : all)
        close(one.fd);
    sleep_forever();
}

void greet(int client, std::string_view text)
{
    std::array<char, 4096> hello;
    recv(client, hello.data(), hello.size(), 0);
    send(client, text.data(), text.size(), MSG_NOSIGNAL);
    recv(client, hello.data(), hello.size(), 0);
    close(client);
}

/// Speaks TLS and echoes, but for one fault.
class tls_echo {
public:
    tls_echo(std::string_view fault, const server_settings& settings)
        : fault_(fault), context_(SSL_CTX_new(TLS_server_method()))
    {
        const credentials own(key_type::ecdsa_p256);
        const bool strange = fault == "stranger";
        const std::string certificate = strange ? own.certificate_file().string() : settings.certificate_file;
        const std::string key = strange ? own.key_file().string() : settings.key_file;
        SSL_CTX_use_certificate_chain_file(context_.get(), certificate.c_str());
        SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM);
        if (fault == "ticketless")
            SSL_CTX_set_num_tickets(context_.get(), 0);
        if (fault == "forgetful")
            SSL_CTX_set_session_ticket_cb(
                context_.get(), nullptr,
                [](SSL*, SSL_SESSION*, const unsigned char*, std::size_t, SSL_TICKET_STATUS, void*) {
                    return SSL_TICKET_RETURN_IGNORE_RENEW;
                },
                nullptr);
    }

    void serve(int client)
    {
        const openssl_ptr<SSL> ssl(SSL_new(context_.get()));
        SSL_set_fd(ssl.get(), client);
        if (SSL_accept(ssl.get()) == 1)
            echo(ssl.get());
        if (fault_ != "curt")
            SSL_shutdown(ssl.get());
        close(client);
    }

private:
    void echo(SSL* ssl)
    {
        std::array<char, 4096> buffer;
        int size;
        while ((size = SSL_read(ssl, buffer.data(), buffer.size())) > 0) {
            if (fault_ == "mute")
                continue;
            if (fault_ == "crashing")
                std::_Exit(7);
            if (fault_ == "leaving")
                return;
            if (fault_ == "lying")
                buffer[0] ^= 1;
            if (fault_ == "talkative")
                ++size;
            SSL_write(ssl, buffer.data(), size);
        }
        if (fault_ == "fragile" && SSL_get_error(ssl, size) == SSL_ERROR_SYSCALL)
            std::_Exit(9);
    }

    std::string_view fault_;
    openssl_ptr<SSL_CTX> context_;
};

void misbehave(std::string_view how, const server_settings& settings)
{
    if (how == "dying")
        std::_Exit(3);
    if (how == "absent")
        sleep_forever();
    listeners all = listen_from(settings.port);
    if (how == "refusing")
        refuse(all);
    tls_echo echo(how, settings);
    for (;;) {
        const int client = accept_next(all);
        if (how == "closing")
            close(client);
        else if (how == "babbling")
            greet(client, "220 ready when you are\r\n");
        else if (how == "alarmed")
            greet(client, std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7));
        else if (how != "silent")
            echo.serve(client);
    }
}

/// As on a machine where that needs a right which this process does not have.
void forbid_pinning()
{
    std::array<sock_filter, 4> program = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter = {program.size(), program.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        throw std::runtime_error("cannot forbid anything");
}

class no_watcher final : public run_watcher {
    void begin(std::size_t, std::chrono::nanoseconds) override {}
    void begin_step(const run_step&) override {}
    void end_step(const run_step&) override {}
    void skip_step(const run_step&) override {}
    void finish(const scenario_result&) override {}
};

int measure(std::vector<std::string> words)
{
    if (words.front() == "--unpinned") {
        forbid_pinning();
        words.erase(words.begin());
    }
    run_options options;
    options.rounds = 1;
    const scenario& of = *find_scenario(words.front());
    // The clients of a storm have only what time the others leave.
    options.duration = std::chrono::milliseconds(of.kind == scenario_kind::storm ? 1000 : 50);
    options.patience = std::chrono::seconds(1);
    options.scenarios = {of.kind == scenario_kind::memory ? &with_connections(of, 20) : &of};
    std::deque<bench::system> made;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const bench::system* const known = find_system(words[i]);
        made.push_back({.name = words[i], .description = "", .kind = system_kind::server, .serve = nullptr});
        options.systems.push_back(known ? known : &made.back());
    }
    no_watcher unwatched;
    const results all = run(options, unwatched);
    for (const cell& one : all.scenarios.front().cells) {
        std::printf("%s: %zu samples", std::string(one.of->name).c_str(), one.samples.size());
        for (const sample& taken : one.samples) {
            const auto ordered = [](const std::optional<latency>& times) {
                return times && times->at.front() > 0 && std::ranges::is_sorted(times->at);
            };
            std::printf("%s%s", ordered(taken.took) ? ", took" : "", ordered(taken.took_before) ? ", took before" : "");
        }
        std::printf("; failure: %s\n", one.failure.c_str());
    }
    std::printf("complaint: %s\n", all.where.complaint.c_str());
    return all.complete() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments)
{
    std::signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.size() < 2)
        return 2;
    if (words[0] != "serve")
        return measure(words);
    const server_settings settings{static_cast<std::uint16_t>(std::stoi(words.at(2))), words.at(3), words.at(4)};
    const bench::system* const known = find_system(words[1]);
    if (known)
        known->serve(settings);
    else
        misbehave(words[1], settings);
    return 1;
}
