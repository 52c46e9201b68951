#pragma once

#include <memory>

#include <sys/types.h>

namespace coil::internal {

/// Reads a directory, one entry after the other. Each call may block.
class directory_reader {
public:
    struct entry {
        const char* name = nullptr;  ///< Until the next call.
        mode_t type = 0;             ///< S_IFREG, S_IFDIR …; 0 where the entry went meanwhile.
    };

    /// @param folder  where `path` begins, if it is relative; `working_directory` for the one of the process.
    directory_reader(int folder, const char* path) noexcept;

    /// The next entry but `.` and `..`. @return false at the end, or where it failed.
    bool next(entry& found) noexcept;
    /// Why there is no next one: an errno, 0 at the end.
    int error() const noexcept { return error_; }

    static const int working_directory;

private:
    struct close {
        void operator()(void* open) const noexcept;
    };

    std::unique_ptr<void, close> open_;  // a DIR
    int error_ = 0;
};

}  // namespace coil::internal
