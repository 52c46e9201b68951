#include <coil/runtime/internal/ring/directory_reader.hpp>

#include <coil/runtime/internal/ring/standard_numbers.hpp>

#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coil::internal {
namespace {

bool is_dots(const char* name) noexcept
{
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

mode_t type_of(const dirent& entry, int folder) noexcept
{
    if (entry.d_type != DT_UNKNOWN)
        return DTTOIF(entry.d_type);
    struct stat found{};  // some file systems do not tell
    if (::fstatat(folder, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return found.st_mode & S_IFMT;
}

}  // namespace

const int directory_reader::working_directory = AT_FDCWD;

directory_reader::directory_reader(int folder, const char* path) noexcept
{
    const int opened = above_standard_numbers(::openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened >= 0)
        open_.reset(::fdopendir(opened));
    if (open_)
        return;
    error_ = errno;
    if (opened >= 0)
        ::close(opened);
}

void directory_reader::close::operator()(void* open) const noexcept
{
    ::closedir(static_cast<DIR*>(open));
}

bool directory_reader::next(entry& found) noexcept
{
    if (!open_ || error_ != 0)
        return false;
    auto* const reading = static_cast<DIR*>(open_.get());
    const dirent* next = nullptr;
    do {
        errno = 0;
        next = ::readdir(reading);
    } while (next && is_dots(next->d_name));
    if (!next) {
        error_ = errno;
        return false;
    }
    found = {.name = next->d_name, .type = type_of(*next, ::dirfd(reading))};
    return true;
}

}  // namespace coil::internal
