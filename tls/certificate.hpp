#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coil::tls {

/// The attributes of a subject or issuer in the order of the certificate, each a short name ("CN") and a UTF-8 value.
/// An attribute that occurs more than once is there more than once.
class distinguished_name {
public:
    using entry = std::pair<std::string, std::string>;

    distinguished_name() = default;
    explicit distinguished_name(std::vector<entry> entries) : entries_(std::move(entries)) {}

    const std::vector<entry>& entries() const noexcept { return entries_; }
    /// All values of one attribute, in order.
    std::vector<std::string_view> all(std::string_view name) const;
    /// The first value of one attribute.
    std::optional<std::string_view> get(std::string_view name) const;
    /// "C=US, O=Example, CN=example.com", for people.
    std::string text() const;

    bool operator==(const distinguished_name&) const = default;

private:
    std::vector<entry> entries_;
};

/// A certificate as plain data. Fields are absent where the certificate lacks them.
///
/// Unlike in Node a root does not refer to itself: `issuer_certificate` of a self-issued certificate is null and
/// `self_issued` is true.
/// Node: certificate object.
struct certificate {
    std::optional<std::string> asn1_curve;                  ///< EC: OpenSSL's short name, "prime256v1".
    std::optional<int> bits;                                ///< RSA: of the modulus. EC: of the group order.
    bool ca = false;                                        ///< Whether it may issue others. Node: ca.
    std::optional<std::string> exponent;                    ///< RSA: "0x10001".
    std::optional<std::vector<std::string>> ext_key_usage;  ///< Dotted OIDs of the extended key usage.
    std::string fingerprint;                                ///< SHA-1 of `raw`, "AB:CD:…".
    std::string fingerprint256;                             ///< SHA-256 of `raw`.
    std::string fingerprint512;                             ///< SHA-512 of `raw`.
    /// Access method and location kind ("OCSP - URI") with the locations, in order. Node: infoAccess.
    std::optional<std::vector<std::pair<std::string, std::vector<std::string>>>> info_access;
    std::optional<distinguished_name> issuer;
    std::shared_ptr<const certificate> issuer_certificate;  ///< Only where asked for. Node: issuerCertificate.
    std::optional<std::string> modulus;                     ///< RSA: upper-case hex.
    std::optional<std::string> nist_curve;                  ///< EC: "P-256".
    std::optional<std::vector<std::byte>> pubkey;           ///< RSA: SubjectPublicKeyInfo. EC: the point.
    std::vector<std::byte> raw;                             ///< DER.
    bool self_issued = false;                               ///< Subject and issuer are the same.
    std::string serial_number;                              ///< Upper-case hex. Node: serialNumber.
    std::optional<distinguished_name> subject;
    /// "DNS:example.com, IP Address:127.0.0.1"; values that could be misread are written as JSON strings.
    std::optional<std::string> subjectaltname;
    std::string valid_from;  ///< "Aug 14 00:00:00 2017 GMT".
    std::string valid_to;
};

}  // namespace coil::tls
