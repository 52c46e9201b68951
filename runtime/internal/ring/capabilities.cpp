#include <coil/runtime/internal/ring/capabilities.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <system_error>

namespace coil::internal {
namespace {

constexpr std::array<std::string_view, 10> known{
    "restrictions",     "single_issuer",    "defer_taskrun",     "coop_taskrun", "submit_all",
    "provided_buffers", "multishot_accept", "multishot_receive", "messages",     "quiet_sends"};

}  // namespace

std::string capabilities::to_string() const
{
    const std::string why = reason.empty() ? "" : " (" + reason + ")";
    if (backend == coil::backend::epoll)
        return "epoll" + why + ", " + std::to_string(receive_buffers) + " receive buffers";
    std::string text = "io_uring" + why + " with " + std::to_string(submission_entries) + " submission and " +
                       std::to_string(completion_entries) + " completion entries";
    const auto add = [&text](bool present, const char* name) { text += std::string(present ? ", " : ", no ") + name; };
    add(restricted, "restrictions");
    add(single_issuer, "single issuer");
    add(defer_taskrun, "deferred task work");
    add(coop_taskrun, "cooperative task work");
    add(submit_all, "submit all");
    add(provided_buffers, "provided buffers");
    add(multishot_accept, "multishot accept");
    add(multishot_receive, "multishot receive");
    add(messages, "messages");
    add(quiet_sends, "quiet sends");
    return text;
}

unwanted_capabilities::unwanted_capabilities()
{
    const char* text = std::getenv("COIL_RING_WITHOUT");
    std::istringstream names(text ? text : "");
    for (std::string name; std::getline(names, name, ',');) {
        if (std::find(known.begin(), known.end(), name) == known.end())
            throw std::system_error(EINVAL, std::system_category(),
                                    "COIL_RING_WITHOUT names an unknown capability \"" + name + "\"");
        names_.insert(name);
    }
}

}  // namespace coil::internal
