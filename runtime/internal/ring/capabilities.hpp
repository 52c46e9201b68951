#pragma once

#include <coil/runtime/backend.hpp>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace coil::internal {

/// What the kernel at hand can do; probed once for each ring.
struct capabilities {
    coil::backend backend = coil::backend::io_uring;
    /// Why that one: an environment variable, an option, or the kernel's refusal. Empty where nothing stood against io_uring.
    std::string reason;
    bool restricted = false;        ///< The kernel refuses what coil does not use, whoever gets hold of the ring.
    bool single_issuer = false;     ///< The kernel knows that one thread submits.
    bool defer_taskrun = false;     ///< Completions are worked on only when the loop asks for them.
    bool coop_taskrun = false;      ///< Completions do not interrupt the loop.
    bool submit_all = false;        ///< A failed request does not hold up those behind it.
    bool provided_buffers = false;  ///< Receives take their buffers from a pool when bytes arrive.
    bool multishot_accept = false;
    bool multishot_receive = false;
    bool quiet_sends =
        false;              ///< A send that succeeds at once need not end the sleep of the loop, see `request::quiet`.
    bool messages = false;  ///< Any thread can post a completion, and so wake whoever waits for one.
    unsigned submission_entries = 0;
    unsigned completion_entries = 0;
    unsigned receive_buffers = 0;

    /// One line for people.
    std::string to_string() const;
};

/// The capabilities that COIL_RING_WITHOUT names, separated by commas: they are left unused although the kernel has them,
/// so that what coil does on older kernels can be tried on this one.
class unwanted_capabilities {
public:
    /// Throws: `std::system_error` where it names something unknown.
    unwanted_capabilities();
    /// These instead.
    explicit unwanted_capabilities(std::set<std::string, std::less<>> names) noexcept : names_(std::move(names)) {}

    bool contains(std::string_view name) const { return names_.contains(name); }

private:
    std::set<std::string, std::less<>> names_;
};

}  // namespace coil::internal
