#include <coil/runtime/directory.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>
#include <coil/runtime/offload.hpp>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace coil {
namespace {

using listing = std::vector<directory_entry>;

struct close_directory {
    void operator()(DIR* open) const noexcept { ::closedir(open); }
};

file_kind kind_of_mode(mode_t mode) noexcept
{
    switch (mode & S_IFMT) {
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

file_kind kind_of(const dirent& entry, int folder) noexcept
{
    if (entry.d_type != DT_UNKNOWN)
        return kind_of_mode(DTTOIF(entry.d_type));
    struct stat found{};  // some file systems do not tell
    if (::fstatat(folder, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return file_kind::unknown;
    return kind_of_mode(found.st_mode);
}

bool is_dots(const char* name) noexcept
{
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

/// @param folder  where `path` begins, if it is relative.
result<listing> read_directory(int folder, const char* path)
{
    const int descriptor = internal::above_standard_numbers(::openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor < 0)
        return error_from_errno(errno);
    file opened(descriptor);
    const std::unique_ptr<DIR, close_directory> reading(::fdopendir(descriptor));
    if (!reading)
        return error_from_errno(errno);
    static_cast<void>(opened.release());
    listing found;
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(reading.get());
        if (!entry)
            break;
        if (!is_dots(entry->d_name))
            found.push_back({entry->d_name, kind_of(*entry, descriptor)});
    }
    if (errno != 0)
        return error_from_errno(errno);
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
    auto reading = offload([kept = std::move(path)] { return read_directory(AT_FDCWD, kept.c_str()); });
    result<listing> found = co_await reading;
    co_return found;
}

task<result<listing>> list_directory(const file& folder)
{
    return list_below(folder.duplicate());
}

}  // namespace coil
