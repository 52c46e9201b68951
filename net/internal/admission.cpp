#include <coil/net/internal/admission.hpp>

#include <coil/net/internal/retirement.hpp>
#include <coil/net/internal/transport.hpp>

namespace coil::net::internal {

bool admission::make_room() noexcept
{
    if (retiring_.empty())
        return false;
    retiring_.pop_front().give_up();
    return true;
}

void transport::count_in(std::shared_ptr<admission> server) noexcept
{
    admission_ = std::move(server);
    ++admission_->descriptors_;
}

transport::~transport()
{
    if (admission_)
        --admission_->descriptors_;
}

}  // namespace coil::net::internal
