#pragma once

#include <coil/tls/error.hpp>

#include <string>

namespace coil::test {

/// The code of the `tls::error` that `make` throws; "none" if it throws none.
template <class Make>
std::string thrown_code(Make make)
{
    try {
        make();
    } catch (const tls::error& failure) {
        return failure.code();
    }
    return "none";
}

}  // namespace coil::test
