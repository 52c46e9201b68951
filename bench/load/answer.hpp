#pragma once

#include "bench/protocol.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace bench {

/// What has to come back for one request, and how much of it has come.
class answer {
public:
    /// @param by  http: any answer with status 200 whose content is "Hello, world!", whatever headers the server adds; for
    ///            the others exactly `message`.
    /// @param message  outlives this object.
    answer(protocol by, std::span<const std::byte> message) : http_(by == protocol::http), message_(message) {}

    /// Takes what was received. @return whether the answer is complete; the next one may then begin.
    /// Throws: `failure` if it is not what was asked for.
    bool take(std::span<const std::byte> bytes);

private:
    bool take_message(std::span<const std::byte> bytes);
    bool take_http(std::span<const std::byte> bytes);

    bool http_;
    std::span<const std::byte> message_;
    std::size_t taken_ = 0;
    std::string received_;
};

}  // namespace bench
