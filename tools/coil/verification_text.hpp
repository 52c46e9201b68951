#pragma once

#include <string>
#include <string_view>

namespace coil::command {

/// What a failed verification means, in plain words.
/// @param code  Node's, such as "CERT_HAS_EXPIRED".
std::string verification_text(std::string_view code, std::string_view host);

}  // namespace coil::command
