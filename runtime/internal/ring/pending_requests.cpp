#include <coil/runtime/internal/ring/pending_requests.hpp>

#include <algorithm>

namespace coil::internal {

pending_request*& pending_requests::slot(std::uint32_t number)
{
    if (number >= numbered_.size())
        numbered_.resize(std::max<std::size_t>(number + 1, 2 * numbered_.size()), nullptr);
    return numbered_[number];
}

pending_request& pending_requests::keep(const pending_request& of)
{
    if (free_.empty()) {
        blocks_.push_back(std::make_unique<std::array<pending_request, block_size>>());
        if (free_.capacity() < blocks_.size() * block_size)  // so that dropping never allocates
            free_.reserve(2 * blocks_.size() * block_size);
        for (pending_request& each : *blocks_.back())
            free_.push_back(&each);
    }
    pending_request& kept = *free_.back();
    kept = of;
    kept.kept = true;
    const auto number = static_cast<std::uint32_t>(of.wanted.user_data);
    if (number < most_numbered && !slot(number))
        slot(number) = &kept;
    else
        others_.emplace(of.wanted.user_data, &kept);
    free_.pop_back();
    return kept;
}

void pending_requests::drop(pending_request& which) noexcept
{
    const std::uint64_t user_data = which.wanted.user_data;
    const auto number = static_cast<std::uint32_t>(user_data);
    if (number < numbered_.size() && numbered_[number] == &which) {
        numbered_[number] = nullptr;
    } else {
        const auto [first, last] = others_.equal_range(user_data);
        const auto found = std::find_if(first, last, [&which](const auto& each) { return each.second == &which; });
        if (found != last)
            others_.erase(found);
    }
    which.list_hook<waiting_tag>::unlink();
    which.list_hook<retry_tag>::unlink();
    which.kept = false;
    free_.push_back(&which);
}

pending_request* pending_requests::find(std::uint64_t user_data) noexcept
{
    const auto number = static_cast<std::uint32_t>(user_data);
    if (number < numbered_.size() && numbered_[number] && numbered_[number]->wanted.user_data == user_data)
        return numbered_[number];
    if (others_.empty())
        return nullptr;
    const auto found = others_.find(user_data);
    return found == others_.end() ? nullptr : found->second;
}

}  // namespace coil::internal
