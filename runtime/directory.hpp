#pragma once

#include <coil/runtime/file.hpp>
#include <coil/runtime/result.hpp>
#include <coil/runtime/task.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace coil {

/// What an entry of a directory is. A link is told as such, not as what it leads to.
enum class file_kind : std::uint8_t {
    regular,
    directory,
    symbolic_link,
    pipe,
    socket,
    character_device,
    block_device,
    unknown,  ///< It went while the directory was read, or it is nothing of the above.
};

/// One entry of a directory.
struct directory_entry {
    std::string name;  ///< Bytes as the system keeps them: in no particular encoding.
    file_kind kind = file_kind::unknown;

    bool operator==(const directory_entry&) const = default;
};

/// What the directory at `path` holds, without `.` and `..`, in the order in which the system tells it.
///
/// The directory is read on one of the threads of `offload`. What is added or removed meanwhile may be in the list or not.
/// Errors: the system's (ENOENT, ENOTDIR, EACCES, …), `errc::canceled`.
/// Node: fs.readdir with the option `withFileTypes`.
task<result<std::vector<directory_entry>>> list_directory(std::string path);

/// The same for a directory that is open; one opened with `file::open_below` is sure to lie where it should.
/// @param folder  may be closed meanwhile.
task<result<std::vector<directory_entry>>> list_directory(const file& folder);

}  // namespace coil
