#pragma once

#include "bench/openssl.hpp"

#include <cstddef>
#include <vector>

namespace bench {

/// Ciphertext on its way from one TLS endpoint to the other.
struct memory_pipe {
    std::vector<char> bytes;
    std::size_t taken = 0;
    /// Forget what is written: for measuring the writer alone.
    bool drop = false;

    void release() noexcept
    {
        bytes = {};
        taken = 0;
    }
};

/// A BIO that reads from one pipe and writes to another: a flat buffer and a copy, the cheapest of those that were tried.
openssl_ptr<BIO> make_pipe_bio(memory_pipe& input, memory_pipe& output);

}  // namespace bench
