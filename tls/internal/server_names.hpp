#pragma once

#include <coil/tls/secure_context.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coil::tls::internal {

/// Whether `name` matches `pattern`, in which every `*` stands for any run of characters without a dot, also an empty one.
/// ASCII letters match in either case; one trailing dot of either side does not count.
bool server_name_matches(std::string_view pattern, std::string_view name) noexcept;

/// Contexts by server name, as `add_context` collects them. Finding one takes as long among many names as among few, unless
/// many have a star elsewhere than for their first label.
class server_names {
public:
    /// Throws: `tls::error` ERR_TLS_REQUIRED_SERVER_NAME for an empty pattern.
    void add(std::string_view pattern, secure_context context);

    bool empty() const noexcept { return added_ == 0; }
    /// The context of the newest pattern that matches; empty if none does.
    secure_context find(std::string_view name) const;

private:
    struct entry {
        secure_context context;
        std::size_t order;  ///< The newest has the highest.
    };
    struct pattern_entry {
        std::string pattern;
        entry value;
    };

    std::size_t added_ = 0;
    std::unordered_map<std::string, entry> names_;
    std::unordered_map<std::string, entry> below_;  // "*.a.com" by ".a.com"
    std::vector<pattern_entry> others_;
};

}  // namespace coil::tls::internal
