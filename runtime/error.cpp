#include <coil/runtime/error.hpp>

#include <array>
#include <cerrno>
#include <cstring>

namespace coil {
namespace {

struct entry {
    errc value;
    std::string_view code;
    std::string_view message;
};

constexpr std::array entries{
    entry{errc::end_of_stream, "EOF", "end of stream"},
    entry{errc::canceled, "ABORT_ERR", "the operation was canceled"},
    entry{errc::timed_out, "ETIMEDOUT", "the operation timed out"},
    entry{errc::reset, "ECONNRESET", "connection reset by peer"},
    entry{errc::already_in_progress, "EALREADY", "an operation of this kind is already in progress on the stream"},
    entry{errc::write_after_end, "ERR_STREAM_WRITE_AFTER_END", "write after end"},
    entry{errc::destroyed, "ERR_STREAM_DESTROYED", "the stream was destroyed"},
    entry{errc::host_not_found, "ENOTFOUND", "host not found"},
    entry{errc::lookup_failed, "EAI_AGAIN", "temporary failure in name resolution"},
    entry{errc::server_not_running, "ERR_SERVER_NOT_RUNNING", "the server is not running"},
    entry{errc::already_listening, "ERR_SERVER_ALREADY_LISTEN", "the server is already listening"},
    entry{errc::bad_port, "ERR_SOCKET_BAD_PORT", "the port is not a number from 0 to 65535"},
    entry{errc::name_too_long, "ENAMETOOLONG", "the socket path is longer than 107 bytes"},
};

class category final : public error_category {
public:
    const char* name() const noexcept override { return "coil"; }

    std::string message(int value) const override { return std::string(find(value).message); }

    std::string code(int value) const override { return std::string(find(value).code); }

    std::error_condition default_error_condition(int value) const noexcept override
    {
        switch (static_cast<errc>(value)) {
        case errc::canceled: return std::errc::operation_canceled;
        case errc::timed_out: return std::errc::timed_out;
        case errc::reset: return std::errc::connection_reset;
        case errc::already_in_progress: return std::errc::connection_already_in_progress;
        case errc::write_after_end: return std::errc::broken_pipe;
        case errc::bad_port: return std::errc::invalid_argument;
        case errc::name_too_long: return std::errc::filename_too_long;
        // The system has nothing that means these, and what is near would mislead: EAI_AGAIN is not EAGAIN.
        case errc::end_of_stream:
        case errc::destroyed:
        case errc::host_not_found:
        case errc::lookup_failed:
        case errc::server_not_running:
        case errc::already_listening: break;
        }
        return std::error_condition(value, *this);
    }

private:
    static entry find(int value)
    {
        for (const entry& candidate : entries)
            if (static_cast<int>(candidate.value) == value)
                return candidate;
        return {errc{}, "UNKNOWN", "unknown error"};
    }
};

}  // namespace

const error_category& coil_category() noexcept
{
    static const category instance;
    return instance;
}

std::error_code make_error_code(errc value) noexcept
{
    return {static_cast<int>(value), coil_category()};
}

std::error_code error_from_errno(int number) noexcept
{
    switch (number) {
    case 0: return {};
    case ECANCELED: return errc::canceled;
    case ECONNRESET: return errc::reset;
    default: return {number, std::system_category()};
    }
}

std::string error_name(const std::error_code& error)
{
    if (!error)
        return {};
    if (const auto* own = dynamic_cast<const error_category*>(&error.category()))
        return own->code(error.value());
    if (error.category() == std::system_category() || error.category() == std::generic_category())
        if (const char* name = ::strerrorname_np(error.value()))
            return name;
    return "UNKNOWN";
}

error_info describe_error(const std::error_code& error)
{
    error_info info;
    if (!error)
        return info;
    info.error = error;
    info.code = error_name(error);
    info.message = error.message();
    const std::error_condition meaning = error.default_error_condition();
    if (meaning.category() == std::generic_category() || meaning.category() == std::system_category())
        info.system_number = meaning.value();
    return info;
}

error_info internal::renamed(error_info info, const std::error_code& error)
{
    error_info other = describe_error(error);
    const std::string before = info.syscall + " " + info.code;
    if (!info.syscall.empty() && info.message.starts_with(before))
        other.message = info.syscall + " " + other.code + info.message.substr(before.size());
    info.error = other.error;
    info.code = std::move(other.code);
    info.message = std::move(other.message);
    info.system_number = other.system_number;
    return info;
}

}  // namespace coil
