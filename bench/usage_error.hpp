#pragma once

#include <stdexcept>

namespace bench {

/// A command line that makes no sense.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace bench
