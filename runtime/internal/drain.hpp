#pragma once

#include <coil/runtime/internal/list.hpp>

namespace coil::internal {

/// Something of a loop that takes in work from outside, a server: it can be asked to take no more and to finish what it has.
/// It stands in the list of its loop for as long as it takes or has any.
class drainable : public list_hook<drainable> {
public:
    virtual void begin_drain() noexcept = 0;

protected:
    ~drainable() = default;
};

}  // namespace coil::internal
