#pragma once

#include <string>
#include <string_view>

namespace coil::command {

/// What a failed verification means, in plain words.
/// @param code    Node's, such as "CERT_HAS_EXPIRED".
/// @param reason  the library's own words, for what is not known here.
std::string verification_text(std::string_view code, std::string_view host, std::string_view reason);

}  // namespace coil::command
