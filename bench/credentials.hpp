#pragma once

#include <filesystem>

namespace bench {

/// A self-signed certificate for localhost (ECDSA P-256) and its key, in a folder that goes with this object.
class credentials {
public:
    credentials();
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
