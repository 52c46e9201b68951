#include "tools/coil/access_log.hpp"

#include <coil/runtime/timer.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <span>
#include <utility>

namespace coil::command {
namespace {

constexpr std::size_t most_pending = 1024 * 1024;
constexpr std::chrono::seconds patience(1);  // then it looks whether the log is to end

std::string time_of_day()
{
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char text[16];
    return {text, std::strftime(text, sizeof(text), "%H:%M:%S ", &local)};
}

std::size_t lines_of(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

access_log::access_log(scope& writers, bool on, int descriptor) : writers_(writers), output_(descriptor), on_(on) {}

void access_log::add(std::string_view line)
{
    if (!on_)
        return;
    // Once lines are missing, those that follow are missing too until there is room for many.
    if ((dropped_ > 0 && !pending_.empty()) || pending_.size() + line.size() > most_pending) {
        ++dropped_;
        return;
    }
    append_dropped();
    append(line);
    if (!std::exchange(writing_, true))
        writers_.spawn(write_pending());
}

void access_log::append(std::string_view line)
{
    pending_ += time_of_day();
    pending_ += line;
    pending_ += '\n';
}

void access_log::append_dropped()
{
    if (const std::size_t count = std::exchange(dropped_, 0))
        append(std::to_string(count) + (count == 1 ? " line was" : " lines were") +
               " dropped: they could not be written in time");
}

std::string access_log::take_pending()
{
    append_dropped();
    return std::exchange(pending_, std::string());
}

task<> access_log::write_pending()
{
    std::string batch;
    bool writable = true;
    while (on_ && writable && !pending_.empty()) {
        batch = take_pending();
        writable = co_await write_all(batch);
    }
    if (!writable) {
        dropped_ += lines_of(pending_);
        pending_.clear();
    }
    writing_ = false;
}

/// @return whether it is worth while to go on at once; what could not be written is counted.
task<bool> access_log::write_all(std::string_view batch)
{
    while (on_ && !batch.empty()) {
        const result<std::size_t> written = co_await with_timeout(patience, output_.write(batch));
        if (written) {
            batch.remove_prefix(*written);
        } else if (written.error() == errc::timed_out) {
            on_ = !finishing_;
        } else if (written.error() == std::errc::no_space_on_device || written.error() == std::errc::io_error ||
                   written.error() == std::error_code(EDQUOT, std::system_category())) {
            dropped_ += lines_of(batch);
            co_return false;
        } else {
            on_ = false;  // nobody will ever read it
        }
    }
    co_return true;
}

}  // namespace coil::command
