#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace coil::test {

enum class key_kind { ec_p256, ec_p384, ed25519, ed448, rsa_2048, rsa_4096, rsa_pss_2048 };

/// A certificate chain (leaf first, PEM) and its private key (PEM).
struct identity {
    std::string cert;
    std::string key;

    /// The first certificate of the chain alone.
    std::string leaf() const;
    /// The key, encrypted.
    std::string encrypted_key(const std::string& passphrase) const;
};

/// What a certificate is to say.
struct certificate_options {
    /// In OpenSSL's configuration syntax, "DNS:localhost,IP:127.0.0.1"; empty for none.
    std::string alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1";
    std::string common_name = "localhost";
    /// DNS names byte for byte, in place of `alternative_names`.
    std::vector<std::string> dns_names = {};
    std::string extended_key_usage = "serverAuth,clientAuth";
    /// Further extensions: OpenSSL's short name and value, such as {"authorityInfoAccess", "OCSP;URI:http://a/"}.
    std::vector<std::pair<std::string, std::string>> extensions = {};
    key_kind key = key_kind::ec_p256;
    /// Further attributes of the subject, such as {"OU", "Engineering"}.
    std::vector<std::pair<std::string, std::string>> subject = {};
    int valid_from_days = -1;
    int valid_to_days = 30;
};

/// A certificate authority that lives as long as the test.
class authority {
public:
    explicit authority(const std::string& name, key_kind kind = key_kind::ec_p256);
    ~authority();

    /// Its certificate, PEM.
    const std::string& certificate() const noexcept;
    /// Its certificate and its key.
    identity itself() const;
    /// A certificate of this authority; an intermediate adds itself to the chain.
    identity issue(const certificate_options& options) const;
    /// An authority below this one. @param extensions  further ones, as in `certificate_options`.
    std::unique_ptr<authority>
    issue_authority(const std::string& name,
                    const std::vector<std::pair<std::string, std::string>>& extensions = {}) const;
    /// A revocation list that names these certificates, PEM.
    std::string revoke(const std::vector<identity>& revoked) const;

private:
    struct parts;
    explicit authority(std::unique_ptr<parts> own);

    std::unique_ptr<parts> parts_;
};

/// A certificate signed by its own key.
identity self_signed(const certificate_options& options);

/// The certificates that most tests use, made once for each process.
struct credentials {
    authority root{"coil test root"};
    authority other_root{"coil other root"};
    std::unique_ptr<authority> intermediate = root.issue_authority("coil test intermediate");

    identity server = root.issue({});                               ///< P-256, localhost, 127.0.0.1 and ::1.
    identity server_rsa = root.issue({.key = key_kind::rsa_2048});  ///< The same with RSA-2048.
    identity server_below = intermediate->issue({});                ///< Sends the intermediate along.
    identity server_a = root.issue({.alternative_names = "DNS:a.example.com", .common_name = "a.example.com"});
    identity server_b = other_root.issue({.alternative_names = "DNS:b.example.com", .common_name = "b.example.com"});
    identity wildcard = root.issue({.alternative_names = "DNS:*.example.com", .common_name = "example.com"});
    identity only_address = root.issue({.alternative_names = "IP:127.0.0.1", .common_name = "no name"});
    identity wrong_name = root.issue({.alternative_names = "DNS:elsewhere.example.org", .common_name = "elsewhere"});
    identity expired = root.issue({.valid_from_days = -10, .valid_to_days = -1});
    identity not_yet_valid = root.issue({.valid_from_days = 5, .valid_to_days = 10});
    identity self_signed_server = self_signed({});

    identity client = root.issue({.alternative_names = "", .common_name = "client"});
    identity foreign_client = other_root.issue({.alternative_names = "", .common_name = "foreign client"});
    identity expired_client = root.issue(
        {.alternative_names = "", .common_name = "expired client", .valid_from_days = -10, .valid_to_days = -1});
    identity self_signed_client = self_signed({.alternative_names = "", .common_name = "self-signed client"});
};

const credentials& shared_credentials();

/// The shared credentials as PEM files in a folder that is removed with this object: "root.pem", "other_root.pem",
/// "intermediate.pem", and for each identity NAME "NAME.pem" and "NAME.key".
class credential_files {
public:
    credential_files();
    ~credential_files();
    credential_files(const credential_files&) = delete;
    credential_files& operator=(const credential_files&) = delete;

    const std::filesystem::path& folder() const noexcept { return folder_; }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }

private:
    std::filesystem::path folder_;
};

}  // namespace coil::test
