#include "bench/questions/waiting_room.hpp"

#include <coil/runtime/timer.hpp>

namespace bench::questions {
namespace {

/// Counts a handler for as long as it stays, however that ends.
class guest {
public:
    explicit guest(question_count& of) noexcept : of_(&of)
    {
        ++of_->asked;
        ++of_->waiting;
    }
    guest(const guest&) = delete;
    guest& operator=(const guest&) = delete;
    ~guest() { --of_->waiting; }

private:
    question_count* of_;
};

}  // namespace

waiting_room::waiting_room(std::size_t questions, std::chrono::milliseconds wait) : counts_(questions), wait_(wait) {}

coil::task<> waiting_room::stay(std::size_t question)
{
    const guest counted(counts_[question]);
    if (door_.is_set())
        static_cast<void>(co_await coil::sleep_for(wait_));
    else
        static_cast<void>(co_await door_.wait());
}

}  // namespace bench::questions
