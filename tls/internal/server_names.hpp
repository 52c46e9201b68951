#pragma once

#include <coil/tls/secure_context.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace coil::tls::internal {

/// Whether `name` matches `pattern`, in which every `*` stands for any run of characters without a dot, also an empty one.
/// ASCII letters match in either case; one trailing dot of either side does not count.
bool server_name_matches(std::string_view pattern, std::string_view name) noexcept;

/// Contexts by server name, as `add_context` collects them.
class server_names {
public:
    /// Throws: `tls::error` ERR_TLS_REQUIRED_SERVER_NAME for an empty pattern.
    void add(std::string_view pattern, secure_context context);

    bool empty() const noexcept { return entries_.empty(); }
    /// The context of the newest pattern that matches; empty if none does.
    secure_context find(std::string_view name) const;

private:
    struct entry {
        std::string pattern;
        secure_context context;
    };

    std::vector<entry> entries_;
};

}  // namespace coil::tls::internal
