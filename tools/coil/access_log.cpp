#include "tools/coil/access_log.hpp"

#include <coil/runtime/timer.hpp>

#include <chrono>
#include <ctime>
#include <span>
#include <utility>

namespace coil::command {
namespace {

constexpr std::size_t most_pending = 1024 * 1024;
constexpr std::chrono::seconds longest_write(5);

std::string time_of_day()
{
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char text[16];
    return {text, std::strftime(text, sizeof(text), "%H:%M:%S ", &local)};
}

}  // namespace

access_log::access_log(scope& writers, bool on) : writers_(writers), on_(on) {}

void access_log::add(std::string_view line)
{
    if (!on_ || pending_.size() + line.size() > most_pending)
        return;
    pending_ += time_of_day();
    pending_ += line;
    pending_ += '\n';
    if (!std::exchange(writing_, true))
        writers_.spawn(write_pending());
}

task<> access_log::write_pending()
{
    std::string batch;
    while (on_ && !pending_.empty()) {
        batch = std::exchange(pending_, std::string());
        std::span<const std::byte> left = std::as_bytes(std::span(batch));
        while (on_ && !left.empty()) {
            result<std::size_t> written = co_await with_timeout(longest_write, output_.write(left));
            on_ = written.has_value();  // nobody reads it any more
            if (written)
                left = left.subspan(*written);
        }
    }
    writing_ = false;
}

}  // namespace coil::command
