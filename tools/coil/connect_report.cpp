#include "tools/coil/connect_report.hpp"

#include "tools/coil/terminal.hpp"
#include "tools/coil/verification_text.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string_view>

namespace coil::command {
namespace {

constexpr int most_certificates = 10;
constexpr std::size_t most_names = 8;

std::string row(std::string_view name, std::string_view value)
{
    std::string label(name);
    label.resize(14, ' ');
    return "  " + terminal::errors().paint(colour::dim, label) + std::string(value) + "\n";
}

std::string milliseconds(std::chrono::nanoseconds time)
{
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f ms", static_cast<double>(time.count()) / 1e6);
    return text;
}

std::string in_days(std::time_t when)
{
    const long days = static_cast<long>((when - std::time(nullptr)) / (24 * 60 * 60));
    const terminal& err = terminal::errors();
    if (when < std::time(nullptr))
        return err.paint(colour::red, "expired");
    return err.paint(days < 14 ? colour::yellow : colour::none, std::to_string(days) + " days left");
}

std::string validity(const tls::certificate& cert)
{
    std::tm end{};
    const bool known = ::strptime(cert.valid_to.c_str(), "%b %e %H:%M:%S %Y", &end) != nullptr;
    return cert.valid_from + " to " + cert.valid_to + (known ? " (" + in_days(::timegm(&end)) + ")" : "");
}

/// "DNS:example.com" is clear without the word before it, and so is an address.
std::string_view plain_name(std::string_view name)
{
    for (const std::string_view kind : {"DNS:", "IP Address:"})
        if (name.starts_with(kind))
            return name.substr(kind.size());
    return name;
}

/// At most so many names, then how many there are beside.
std::string shortened(std::string_view names)
{
    std::string shown;
    std::size_t count = 0;
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(", "), names.size());
        if (count++ < most_names)
            shown += (shown.empty() ? "" : ", ") + printable(plain_name(names.substr(0, end)));
        names.remove_prefix(std::min(end + 2, names.size()));
    }
    if (count > most_names)
        shown += " and " + std::to_string(count - most_names) + " more";
    return shown;
}

std::string key_of(const tls::certificate& cert)
{
    if (cert.nist_curve)
        return "EC " + *cert.nist_curve;
    if (cert.asn1_curve)
        return "EC " + *cert.asn1_curve;
    if (cert.bits)
        return "RSA " + std::to_string(*cert.bits) + " bits";
    return "";
}

std::string describe(const tls::certificate& cert, int depth)
{
    std::string text;
    const std::string title = std::to_string(depth) + (depth == 0 ? " server" : cert.self_issued ? " root" : " issuer");
    text += "\n" + row(title, printable(cert.subject ? cert.subject->text() : std::string("(no subject)")));
    if (cert.self_issued)
        text += row("  issued by", "itself");
    else if (cert.issuer)
        text += row("  issued by", printable(cert.issuer->text()));
    text += row("  valid", validity(cert));
    if (cert.subjectaltname)
        text += row("  names", shortened(*cert.subjectaltname));
    if (const std::string key = key_of(cert); !key.empty())
        text += row("  key", key);
    text += row("  SHA-256", cert.fingerprint256);
    return text;
}

std::string chain(const tls::socket& socket)
{
    std::string text;
    const std::optional<tls::certificate> first = socket.get_peer_certificate(true);
    const std::shared_ptr<const tls::certificate> refused = socket.error_info().peer_certificate;
    const tls::certificate* cert = first ? &*first : refused.get();
    for (int depth = 0; cert && depth < most_certificates; ++depth) {
        text += describe(*cert, depth);
        cert = cert->issuer_certificate.get();
    }
    return text;
}

std::string verification(const tls::socket& socket, const std::string& host)
{
    const terminal& err = terminal::errors();
    if (socket.authorized())
        return err.paint(colour::green, "verified") +
               ": the chain ends at a trusted root, and the certificate is for " + printable(host);
    const std::string code = socket.authorization_error().value_or("");
    if (code.empty())
        return err.paint(colour::yellow, "not done") + ": the handshake did not get that far";
    return err.paint(colour::red, "FAILED") + ": " +
           verification_text(code, printable(host), socket.error_info().message) + " (" + code + ")";
}

}  // namespace

std::string connect_report(const tls::socket& socket, const connect_facts& facts)
{
    const terminal& err = terminal::errors();
    std::string text = err.paint(colour::bold, printable(facts.host));
    if (facts.peer)
        text += " at " + facts.peer->to_string();
    text += "\n";
    text += row("connected in", milliseconds(facts.connect_time));
    text += row("handshake", milliseconds(facts.handshake_time) + (facts.secure ? "" : ", which failed"));
    if (facts.secure) {
        text += row("protocol", socket.get_protocol().value_or("unknown"));
        const std::optional<tls::cipher_info> cipher = socket.get_cipher();
        text += row("cipher", cipher ? cipher->name : std::string("unknown"));
        text += row("ALPN", printable(socket.alpn_protocol().value_or("none agreed on")));
    }
    text += row("servername", facts.servername.empty() ? "none sent" : printable(facts.servername));
    text += row("certificate", verification(socket, facts.servername.empty() ? facts.host : facts.servername));
    return text + chain(socket) + "\n";
}

}  // namespace coil::command
