#pragma once

#include <coil/runtime/internal/list.hpp>

#include <cstddef>

namespace coil::net::internal {

class retirement;

/// The connections of one server that hold a descriptor, whoever has them now, so that a limit bounds the descriptors and
/// not only the tasks that serve them.
class admission {
public:
    std::size_t descriptors() const noexcept { return descriptors_; }
    /// Resets the one that was given up first and still has something to send or to wait for. @return false if there is none.
    bool make_room() noexcept;

private:
    friend class transport;
    friend class retirement;

    std::size_t descriptors_ = 0;
    coil::internal::list<retirement, admission> retiring_;
};

}  // namespace coil::net::internal
