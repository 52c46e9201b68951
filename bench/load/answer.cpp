#include "bench/load/answer.hpp"

#include "bench/failure.hpp"
#include "bench/scenario.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

namespace bench {
namespace {

constexpr std::size_t longest_head = 8192;

/// Whether one of the lines of `head` is this header; letters as in `line`, or other cases of them.
bool has_line(std::string_view head, std::string_view line)
{
    const auto same = [](char left, char right) {
        return std::tolower(static_cast<unsigned char>(left)) == std::tolower(static_cast<unsigned char>(right));
    };
    for (std::size_t begin = 0; (begin = head.find("\r\n", begin)) != head.npos;) {
        begin += 2;
        const std::string_view here = head.substr(begin, head.find("\r\n", begin) - begin);
        if (std::ranges::equal(here, line, same))
            return true;
    }
    return false;
}

}  // namespace

bool answer::take(std::span<const std::byte> bytes)
{
    return http_ ? take_http(bytes) : take_message(bytes);
}

bool answer::take_message(std::span<const std::byte> bytes)
{
    if (bytes.size() > message_.size() - taken_)
        throw failure("the server sent more than it was asked for");
    if (std::memcmp(bytes.data(), message_.data() + taken_, bytes.size()) != 0)
        throw failure("the server sent something else than it was asked for");
    taken_ += bytes.size();
    if (taken_ < message_.size())
        return false;
    taken_ = 0;
    return true;
}

bool answer::take_http(std::span<const std::byte> bytes)
{
    static constexpr std::string_view end = "\r\n\r\n";
    received_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::string_view all = received_;
    const std::size_t head = all.find(end);
    if (head == all.npos) {
        if (all.size() > longest_head)
            throw failure("the server sent headers without an end");
        return false;
    }
    if (!all.starts_with("HTTP/1.1 200"))
        throw failure("the server answered " + std::string(all.substr(0, std::min(all.find("\r\n"), std::size_t{80}))));
    if (!has_line(all.substr(0, head), "Content-Length: " + std::to_string(http_content.size())))
        throw failure("the server sent no Content-Length of " + std::to_string(http_content.size()));
    const std::string_view content = all.substr(head + end.size());
    if (content.size() > http_content.size())
        throw failure("the server sent more than it was asked for");
    if (content.size() < http_content.size())
        return false;
    if (content != http_content)
        throw failure("the server sent something else than it was asked for");
    received_.clear();
    return true;
}

}  // namespace bench
