#pragma once

#include <coil/runtime/event.hpp>
#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace bench::questions {

/// How often a question was asked, and how many of these handshakes wait for its answer.
struct question_count {
    std::size_t asked = 0;
    std::size_t waiting = 0;
};

/// Where handlers stay before they answer. One loop's.
class waiting_room {
public:
    /// @param wait  how long each stays.
    waiting_room(std::size_t questions, std::chrono::milliseconds wait);

    coil::task<> stay(std::size_t question);
    /// From now on handlers that come stay until they are released.
    void hold() noexcept { door_.reset(); }
    void release() noexcept { door_.set(); }

    const std::vector<question_count>& counts() const noexcept { return counts_; }

private:
    std::vector<question_count> counts_;
    std::chrono::milliseconds wait_;
    coil::event door_{true};
};

}  // namespace bench::questions
