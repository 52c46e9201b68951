#pragma once

#include <coil/runtime/loop.hpp>
#include <coil/runtime/task.hpp>

#include <functional>

namespace bench::lockstep {

class turn_ring;

/// A loop of coil with the settings that it ships with, which lets others have a turn whenever it would wait.
/// Together with `turn_ring` this is all that knows coil's internals.
class turn_loop {
public:
    turn_loop();
    turn_loop(const turn_loop&) = delete;
    turn_loop& operator=(const turn_loop&) = delete;
    ~turn_loop();

    /// @param turn  called wherever the loop would wait from now on, until it returns false or throws.
    void begin(std::function<bool()> turn);
    /// Throws: what `main` or a turn throws.
    void run(coil::task<> main);

private:
    turn_ring* ring_;  // the loop's
    coil::loop loop_;
};

}  // namespace bench::lockstep
