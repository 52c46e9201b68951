#include <coil/runtime/directory.hpp>

#include <coil/runtime/internal/ring/directory_reader.hpp>
#include <coil/runtime/offload.hpp>

#include <cerrno>
#include <utility>

#include <sys/stat.h>

namespace coil {
namespace {

using listing = std::vector<directory_entry>;

file_kind kind_of(mode_t type) noexcept
{
    switch (type) {
    case S_IFREG: return file_kind::regular;
    case S_IFDIR: return file_kind::directory;
    case S_IFLNK: return file_kind::symbolic_link;
    case S_IFIFO: return file_kind::pipe;
    case S_IFSOCK: return file_kind::socket;
    case S_IFCHR: return file_kind::character_device;
    case S_IFBLK: return file_kind::block_device;
    default: return file_kind::unknown;
    }
}

/// @param folder  where `path` begins, if it is relative.
result<listing> read_directory(int folder, const char* path)
{
    internal::directory_reader reading(folder, path);
    listing found;
    internal::directory_reader::entry entry;
    while (reading.next(entry))
        found.push_back({entry.name, kind_of(entry.type)});
    if (reading.error() != 0)
        return error_from_errno(reading.error());
    return found;
}

task<result<listing>> list_below(result<file> folder)
{
    if (!folder)
        co_return folder.error();
    auto reading = offload([kept = std::move(*folder)] { return read_directory(kept.descriptor(), "."); });
    result<listing> found = co_await reading;
    co_return found;
}

}  // namespace

task<result<listing>> list_directory(std::string path)
{
    if (path.find('\0') != std::string::npos)
        co_return error_from_errno(EINVAL);  // the system would read what stands before it
    auto reading = offload([kept = std::move(path)] { return read_directory(internal::directory_reader::working_directory, kept.c_str()); });
    result<listing> found = co_await reading;
    co_return found;
}

task<result<listing>> list_directory(const file& folder)
{
    return list_below(folder.duplicate());
}

}  // namespace coil
