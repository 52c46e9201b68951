#pragma once

#include <cstdint>

namespace coil {

/// What carries out the requests of a loop. Both do the same, to the letter of every promise; io_uring needs fewer calls.
enum class backend : std::uint8_t {
    automatic,  ///< What the environment's COIL_BACKEND says; without it io_uring, and epoll where the kernel refuses that.
    io_uring,
    epoll,
};

/// "automatic", "io_uring" or "epoll".
constexpr const char* to_string(backend which) noexcept
{
    switch (which) {
    case backend::io_uring: return "io_uring";
    case backend::epoll: return "epoll";
    case backend::automatic: break;
    }
    return "automatic";
}

}  // namespace coil
