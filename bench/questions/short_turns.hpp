#pragma once

namespace bench::questions {

/// While it is there the kernel gives this thread the processor soon when it wants it, each time for a short while: before
/// others of this process whose steps take much longer. Nothing happens where the kernel does not know how. What the thread
/// starts meanwhile is treated the same way.
class short_turns {
public:
    short_turns() noexcept;
    short_turns(const short_turns&) = delete;
    short_turns& operator=(const short_turns&) = delete;
    ~short_turns();
};

}  // namespace bench::questions
