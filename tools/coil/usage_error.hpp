#pragma once

#include <stdexcept>

namespace coil::command {

/// A mistake of whoever called the command: one line that names the thing and the cause. The command then ends with 2.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The command did what it could, but the network or the peer did not: it ends with 1.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace coil::command
