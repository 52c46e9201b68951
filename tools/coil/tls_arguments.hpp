#pragma once

#include <coil/tls/engine.hpp>
#include <coil/tls/secure_context.hpp>

#include <boost/program_options.hpp>

#include <string>
#include <vector>

namespace coil::command {

/// The options about TLS that all subcommands share. Their names are Node's.
struct tls_arguments {
    std::string alpn;
    std::string ca;
    std::string cert;
    std::string ciphers;
    std::string dhparam;
    std::string key;
    std::string passphrase_file;
    bool max_v1_2 = false;
    bool max_v1_3 = false;
    bool min_v1_0 = false;
    bool min_v1_1 = false;
    bool min_v1_2 = false;
    bool min_v1_3 = false;

    /// The options that set these fields.
    boost::program_options::options_description options();
    /// The same with those that only a server has.
    boost::program_options::options_description server_options();

    /// Everything but certificate and key.
    /// Throws: `usage_error`, `tls::error`.
    tls::secure_context_options secure_context_options() const;
    /// Reads certificate and key into `to`, where they were given.
    /// Throws: `usage_error`, `tls::error`.
    void add_identity(tls::secure_context_options& to) const;
    /// The protocols of `--alpn`.
    std::vector<std::string> alpn_protocols() const;
};

}  // namespace coil::command
