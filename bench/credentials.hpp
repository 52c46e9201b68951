#pragma once

#include "bench/scenario.hpp"

#include <filesystem>

namespace bench {

/// A self-signed certificate for localhost and its key, in a folder that goes with this object.
class credentials {
public:
    explicit credentials(key_type type);
    credentials(const credentials&) = delete;
    credentials& operator=(const credentials&) = delete;
    ~credentials();

    const std::filesystem::path& certificate_file() const noexcept { return certificate_; }
    const std::filesystem::path& key_file() const noexcept { return key_; }

private:
    std::filesystem::path folder_;
    std::filesystem::path certificate_;
    std::filesystem::path key_;
};

}  // namespace bench
