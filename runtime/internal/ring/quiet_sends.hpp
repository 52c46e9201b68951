#pragma once

#include <coil/runtime/internal/ring/ring.hpp>

#include <cstdint>
#include <vector>

namespace coil::internal {

/// The quiet requests of a ring, see `request::quiet`: what the kernel says nothing of has succeeded.
class quiet_sends {
public:
    void add(const request& wanted) { open_.push_back({wanted.user_data, static_cast<int>(wanted.length)}); }
    /// Whether some are not settled.
    bool open() const noexcept { return !open_.empty(); }
    /// This one has told itself what became of it.
    void forget(std::uint64_t user_data) noexcept
    {
        std::erase_if(open_, [user_data](const entry& each) { return each.user_data == user_data; });
    }
    /// All others have succeeded.
    void settle()
    {
        succeeded_.insert(succeeded_.end(), open_.begin(), open_.end());
        open_.clear();
    }
    /// One that has succeeded, and was not taken yet. @return false if there is none.
    bool next(completion& taken) noexcept
    {
        if (succeeded_.empty())
            return false;
        taken = {.user_data = succeeded_.back().user_data, .result = succeeded_.back().length};
        succeeded_.pop_back();
        return true;
    }

private:
    struct entry {
        std::uint64_t user_data;
        int length;
    };

    std::vector<entry> open_;
    std::vector<entry> succeeded_;
};

}  // namespace coil::internal
