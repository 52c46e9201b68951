#pragma once

#include <coil/runtime/internal/ring/ring.hpp>

#include <cstddef>
#include <vector>

namespace coil::internal {

/// Completions in the order in which they came.
class completion_queue {
public:
    bool empty() const noexcept { return first_ == waiting_.size(); }
    void put(const completion& what) { waiting_.push_back(what); }
    bool take(completion& taken) noexcept
    {
        if (empty())
            return false;
        taken = waiting_[first_++];
        if (empty()) {
            waiting_.clear();
            first_ = 0;
        }
        return true;
    }

private:
    std::vector<completion> waiting_;
    std::size_t first_ = 0;
};

}  // namespace coil::internal
