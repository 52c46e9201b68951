#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bench {

/// What keeps one measurement from being made; the others go on. The text is for people.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A failed call of the system, with its reason.
inline failure system_failure(const std::string& what)
{
    return failure(what + ": " + std::system_category().message(errno));
}

}  // namespace bench
