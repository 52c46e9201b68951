#pragma once

#include "bench/questions/question_table.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench::questions {

/// What whoever started a server sends it, one byte each.
enum class command : char {
    tell = 't',  ///< answered with a line of JSON: connections, and for each question how often it was asked and waits
    hold = 'h',  ///< handlers that come stay until they are released; answered with an empty line
    release = 'r',  ///< answered with an empty line
    trim = 'm',     ///< has the allocator return what is free; answered with an empty line
};

struct serve_settings {
    /// Of this host: whom to connect to and tell the port first, in a line, and whose commands to obey until that ends.
    std::uint16_t report_to = 0;
    std::string certificate_file;
    std::string key_file;
    /// How long a handler stays that is not held.
    std::chrono::milliseconds wait{};
    /// What the server has what it takes for.
    std::vector<const question*> prepared;
    /// What it asks, of those.
    std::vector<const question*> asked;
};

/// An echo server on coil, one thread. Throws: `std::system_error`, `coil::tls::error`.
void serve(const serve_settings& given);

/// The words of a command line after `serve`, and back. Throws: `usage_error`.
std::vector<std::string> to_words(const serve_settings& given);
serve_settings to_serve_settings(const std::vector<std::string>& words);

}  // namespace bench::questions
