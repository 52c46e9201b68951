#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coil {

/// Outcomes of an operation that the operating system has no number for, or that have to stay apart from the system's own.
///
/// They are never translated into one another: a cancelled read is `canceled` and not `timed_out`, and a peer that
/// vanished is `reset` and not `end_of_stream`. Those that mean what a `std::errc` means equal it: `errc::reset` is
/// `std::errc::connection_reset`, which the system's ECONNRESET equals too.
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

/// Everything that is known about a failure. What does not apply is empty.
/// Node: the fields of an error of the system.
struct error_info {
    std::error_code error;      ///< For comparing in C++; success where nothing failed.
    std::string code;           ///< `error_name(error)`. Node: error.code.
    std::string message;        ///< One line for people that names the thing. Node: error.message.
    int system_number = 0;      ///< errno, positive; 0 where the system has none for it. Node: error.errno, negative.
    std::string syscall;        ///< "connect", "bind", "listen", "getaddrinfo", "read", "write". Node: error.syscall.
    std::string address;        ///< An IP address, or the path of a Unix socket. Node: error.address.
    std::uint16_t port = 0;     ///< That of `address`. Node: error.port.
    std::string hostname;       ///< The name that was asked for. Node: error.hostname.
    std::string local_address;  ///< Where the connection was to come from, if that was given. Node: error.localAddress.
    std::uint16_t local_port = 0;  ///< That of `local_address`. Node: error.localPort.
    /// Where several addresses were tried in vain: the failure of each, in the order of the attempts; the other fields then
    /// tell of the first. Node: errors of an AggregateError.
    std::vector<error_info> errors;
};

/// What a code alone tells. Success gives an `error_info` that is empty.
error_info describe_error(const std::error_code& error);

namespace internal {

/// The same thing with another error, also in its message.
error_info renamed(error_info info, const std::error_code& error);

}  // namespace internal

}  // namespace coil

template <>
struct std::is_error_code_enum<coil::errc> : std::true_type {};
