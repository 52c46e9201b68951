#pragma once

#include <coil/runtime/file.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coil::command {

/// The phrase of a status code, "Not Found".   RFC 9110 §15.
std::string_view reason_phrase(int status);

/// An answer: fields, and as content either a text or a piece of a file.
class http_response {
public:
    /// Without content.
    explicit http_response(int status) : status_(status) {}

    /// A short text for people that says what `status` means.
    static http_response explanation(int status);

    int status() const noexcept { return status_; }
    http_response& add_field(std::string_view name, std::string_view value);
    /// @param type  media type.
    void set_text(std::string_view type, std::string text);
    /// Bytes from `offset` of `content`.
    void set_file(std::string_view type, file content, std::uint64_t offset, std::uint64_t size);

    const std::string& text() const noexcept { return text_; }
    /// Null where the content is a text.
    const file* content() const noexcept { return content_ ? &*content_ : nullptr; }
    std::uint64_t offset() const noexcept { return offset_; }
    /// Bytes of content.
    std::uint64_t size() const noexcept { return size_; }

    /// Status line and fields, up to the empty line.
    /// @param keep_alive  whether the connection goes on.
    std::string head(bool keep_alive, bool is_http_1_0) const;

private:
    int status_;
    std::string fields_;
    std::string text_;
    std::optional<file> content_;
    std::uint64_t offset_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace coil::command
