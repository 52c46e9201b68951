#pragma once

#include "tests/support/credentials.hpp"
#include "tests/tools/command.hpp"

#include <string>
#include <vector>

namespace coil::test {

std::string random_bytes(std::size_t size);

/// A folder to serve, and a secret beside it.
struct site {
    site();

    temporary_folder folder;
    std::string big = random_bytes(16 * 1024 * 1024 + 17);
};

const site& shared_site();

/// A `coil serve` of the shared site, and clients for it.
struct served {
    std::string www = shared_site().folder.path("www");
    credential_files files;
    running_server server;

    served() : served(std::vector<std::string>()) {}
    explicit served(std::vector<std::string> options) : server(with_identity(std::move(options))) {}

    std::vector<std::string> with_identity(std::vector<std::string> options) const;
    finished_process curl(std::vector<std::string> options) const;
    std::string get(const std::string& path) const { return curl({server.url(path)}).output; }
    /// Headers and body of an answer.
    std::string answer(const std::string& path, std::vector<std::string> options = {}) const;
    /// What comes back for exactly these bytes.
    std::string raw(const std::string& bytes, std::vector<std::string> options = {}) const;
};

std::string status_of(const std::string& answer);
std::string body_of(const std::string& answer);
/// The value of a header field; empty if there is none.
std::string field(const std::string& answer, const std::string& name);

}  // namespace coil::test
