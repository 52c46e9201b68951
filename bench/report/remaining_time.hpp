#pragma once

namespace bench {

/// How long a run will still take: what was planned, times how much longer than planned it has taken so far. At the beginning the
/// plan counts as if it had come true for a while already, so that one slow first step promises no hours.
class remaining_time {
public:
    /// @param planned  seconds of all steps.
    explicit remaining_time(double planned = 0) : all_(planned), left_(planned) {}

    /// @param planned  of this step.
    void passed(double planned, double taken) noexcept;
    /// A step that will not be made.
    void dropped(double planned) noexcept;

    double seconds() const noexcept;
    /// How much of the plan is done, 0 to 1.
    double share() const noexcept;

private:
    double all_;
    double left_;
    double planned_ = 0;
    double taken_ = 0;
};

}  // namespace bench
