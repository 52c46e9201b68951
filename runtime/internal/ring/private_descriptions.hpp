#pragma once

#include <unordered_map>

#include <sys/stat.h>

namespace coil::internal {

/// Terminals, and pipes of older kernels, know of no single call that must not wait, only of descriptors none of whose calls
/// wait; and that is a matter of the open file, which other programs share. So such a file is opened once more.
class private_descriptions {
public:
    private_descriptions() = default;
    private_descriptions(const private_descriptions&) = delete;
    private_descriptions& operator=(const private_descriptions&) = delete;
    ~private_descriptions();

    /// A descriptor of the same file of which no call waits; -1 where there can be none.
    int of(int fd);
    void forget(int fd) noexcept;

private:
    struct opened {
        int descriptor;
        dev_t device;
        ino_t number;
    };

    std::unordered_map<int, opened> opened_;
};

}  // namespace coil::internal
