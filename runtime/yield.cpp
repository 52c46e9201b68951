#include <coil/runtime/yield.hpp>

#include <coil/runtime/loop.hpp>

namespace coil::internal {

void yield_wait::begin(std::coroutine_handle<> awaiting) noexcept
{
    awaiting_ = awaiting;
    loop::current().enqueue(*this);
}

}  // namespace coil::internal
