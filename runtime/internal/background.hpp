#pragma once

#include <coil/runtime/internal/list.hpp>

namespace coil::internal {

/// Something that belongs to nobody but the loop, until it is done and deletes itself: a connection that still sends what
/// was written before it was given up.
class background : public list_hook<background> {
public:
    virtual ~background() = default;
    /// Whether the program should wait for it, for a moment, before it ends.
    virtual bool busy() const noexcept = 0;
};

/// Something that may outlive its loop, and then has to let go of what it holds of it.
class resident : public list_hook<resident> {
public:
    /// The loop goes: operations, receive buffers and what else it lent are given back now.
    virtual void lose_loop() noexcept = 0;

protected:
    ~resident() = default;
};

}  // namespace coil::internal
