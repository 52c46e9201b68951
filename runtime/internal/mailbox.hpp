#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace coil::internal {

/// Calls that other threads want a loop to make. Shared by the loop and whoever may post to it, so that posting to a
/// loop that is gone is harmless.
class mailbox {
public:
    /// Throws: `std::system_error` when there is no descriptor left.
    mailbox();
    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;
    ~mailbox();

    /// From any thread. @return false if the loop is gone; the call is then dropped.
    bool post(std::function<void()> call);

    /// The loop's side.
    int descriptor() const noexcept { return descriptor_; }
    /// Takes all calls. After it the next `post` wakes the loop again.
    std::vector<std::function<void()>> take();
    /// No call is accepted any more.
    void close() noexcept;

private:
    std::mutex mutex_;
    std::vector<std::function<void()>> calls_;
    bool open_ = true;
    int descriptor_;
};

}  // namespace coil::internal
