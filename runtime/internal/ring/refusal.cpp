#include <coil/runtime/internal/ring/refusal.hpp>

#include <cerrno>
#include <fstream>

namespace coil::internal {
namespace {

constexpr const char* allowing_profile = "a profile that allows io_uring_setup, io_uring_enter and io_uring_register";

std::string explain_prohibition()
{
    int disabled = 0;
    std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
    if (disabled != 0)
        return "io_uring is switched off by sysctl kernel.io_uring_disabled=" + std::to_string(disabled) +
               "; set it to 0 to allow it";
    return std::string("io_uring is refused, most likely by the seccomp profile of a container; run it with ") +
           allowing_profile;
}

}  // namespace

std::string explain_refusal(int error)
{
    switch (error) {
    case EPERM: return explain_prohibition();
    case ENOSYS:  // which is also how Podman's profile refuses what it does not list
        return std::string(
                   "this kernel has no io_uring, or the seccomp profile of a container hides it; coil needs Linux "
                   "6.1 or later for it, and ") +
               allowing_profile;
    case ENOMEM: return "no memory for an io_uring: the limit on locked memory (ulimit -l) is too low";
    case EMFILE:
    case ENFILE: return "no descriptor left for an io_uring (ulimit -n)";
    default: return "cannot set up an io_uring";
    }
}

bool refuses_io_uring(int error) noexcept
{
    return error == EPERM || error == EACCES || error == ENOSYS || error == ENOMEM;
}

}  // namespace coil::internal
