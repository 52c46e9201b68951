#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace coil {

/// Outcomes of an operation that the operating system has no number for, or that have to stay apart from the system's own.
///
/// They are never translated into one another: a cancelled read is `canceled` and not `timed_out`, and a peer that
/// vanished is `reset` and not `end_of_stream`.
enum class errc {
    end_of_stream = 1,    ///< The peer ended its side in order; there is nothing left to read.
    canceled,             ///< A stop was requested, whatever asked for it. Node: ABORT_ERR.
    timed_out,            ///< A deadline given to coil passed. Node: ETIMEDOUT.
    reset,                ///< The peer reset the connection. Node: ECONNRESET.
    already_in_progress,  ///< A second read (or write) while one is in flight on the same stream. Node: EALREADY.
    write_after_end,      ///< A write after this side was ended. Node: ERR_STREAM_WRITE_AFTER_END.
    destroyed,            ///< The object was destroyed or closed while in use. Node: ERR_STREAM_DESTROYED.
    host_not_found,       ///< The host name has no address. Node: ENOTFOUND.
    lookup_failed,        ///< The name service did not answer; trying again later may help. Node: EAI_AGAIN.
    server_not_running,   ///< The server does not listen. Node: ERR_SERVER_NOT_RUNNING.
    already_listening,    ///< The server listens already. Node: ERR_SERVER_ALREADY_LISTEN.
    bad_port,             ///< A port that is no number from 0 to 65535. Node: ERR_SOCKET_BAD_PORT.
    name_too_long,        ///< A Unix socket path longer than 107 bytes. Node: ENAMETOOLONG.
};

/// A category of error codes that knows, beside the text for people, the string that Node.js programs compare with.
class error_category : public std::error_category {
public:
    /// Node's code string of `value`, such as "ECONNRESET" or "ERR_SSL_WRONG_VERSION_NUMBER".
    virtual std::string code(int value) const = 0;
};

/// The category of `errc`.
const error_category& coil_category() noexcept;

std::error_code make_error_code(errc value) noexcept;

/// The error code of an errno value (positive). ECANCELED and ECONNRESET become `errc::canceled` and `errc::reset`;
/// every other number stays what it is, in `std::system_category()`.
std::error_code error_from_errno(int number) noexcept;

/// Node's code string of any error that coil reports: "ECONNREFUSED", "ERR_TLS_HANDSHAKE_TIMEOUT", "CERT_HAS_EXPIRED".
/// Empty for success; "UNKNOWN" for a category that coil does not know.
/// Node: error.code.
std::string error_name(const std::error_code& error);

}  // namespace coil

template <>
struct std::is_error_code_enum<coil::errc> : std::true_type {};
