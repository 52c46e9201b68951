#pragma once

#include <coil/runtime/error.hpp>

#include <cassert>
#include <concepts>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace coil {

/// What `result::value()` throws: the error code and the place in the program that asked for the value.
class result_error : public std::system_error {
public:
    result_error(std::error_code error, std::source_location where)
        : std::system_error(error, where_text(where)), where_(where)
    {
    }

    /// Where `value()` was called.
    const std::source_location& where() const noexcept { return where_; }

private:
    static std::string where_text(const std::source_location& where)
    {
        return std::string(where.file_name()) + ":" + std::to_string(where.line());
    }

    std::source_location where_;
};

/// A value, or the reason why there is none.
///
/// What the peer, the kernel or time can cause is returned in a `result` and never thrown; `value()` bridges to an
/// exception for programs that prefer one.
template <class T = void>
class [[nodiscard]] result {
public:
    using value_type = T;

    template <class U = T>
        requires(std::constructible_from<T, U &&> && !std::same_as<std::remove_cvref_t<U>, result> &&
                 !std::convertible_to<U &&, std::error_code>)
    result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value))
    {
    }

    /// @param error  must not be success.
    result(std::error_code error) noexcept : state_(std::in_place_index<1>, error)
    {
        assert(error && "a result holds a value or an error, never a success code");
    }

    result(errc error) noexcept : result(make_error_code(error)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The error; success when there is a value.
    std::error_code error() const noexcept
    {
        const std::error_code* error = std::get_if<1>(&state_);
        return error ? *error : std::error_code{};
    }

    /// The value. Only where `has_value()`.
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    /// The value. Throws: `result_error` when there is none.
    T& value(std::source_location where = std::source_location::current()) &
    {
        require_value(where);
        return **this;
    }
    const T& value(std::source_location where = std::source_location::current()) const&
    {
        require_value(where);
        return **this;
    }
    T&& value(std::source_location where = std::source_location::current()) &&
    {
        require_value(where);
        return std::move(**this);
    }

    template <class U>
    T value_or(U&& otherwise) &&
    {
        if (has_value())
            return std::move(**this);
        return std::forward<U>(otherwise);
    }

private:
    void require_value(std::source_location where) const
    {
        if (!has_value())
            throw result_error(error(), where);
    }

    std::variant<T, std::error_code> state_;
};

/// Success, or the reason for the failure.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept = default;
    result(std::error_code error) noexcept : error_(error) {}
    result(errc error) noexcept : error_(make_error_code(error)) {}

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    std::error_code error() const noexcept { return error_; }

    /// Throws: `result_error` when there is an error.
    void value(std::source_location where = std::source_location::current()) const
    {
        if (error_)
            throw result_error(error_, where);
    }

private:
    std::error_code error_;
};

/// Whether `T` is some `result<U>`.
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

}  // namespace coil
