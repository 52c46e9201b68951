#pragma once

#include <cstdint>
#include <string_view>

namespace coil::command {

/// Which bytes of a file a request gets.
struct byte_range {
    enum class kind {
        whole,          ///< No range, one that is not understood, or several that are better sent as the whole.
        part,           ///< Bytes `first` to `last`.
        unsatisfiable,  ///< None of the bytes asked for exists.
    };

    byte_range::kind kind = kind::whole;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

/// Reads a Range field for a file of `size` bytes.
///
/// Several ranges that overlap or touch, or of which only one exists, are answered with one part; several that lie apart
/// with the whole file, which a server may do, and which spares clients a multipart body.
/// RFC 9110 §14.1.2, §14.2, §15.3.7.
byte_range parse_range(std::string_view field, std::uint64_t size);

}  // namespace coil::command
