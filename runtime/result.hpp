#pragma once

#include <coil/runtime/error.hpp>

#include <cassert>
#include <concepts>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace coil {

template <class T = void>
class result;
template <class T = void>
class detailed_result;

/// Whether `T` is some `result<U>` or `detailed_result<U>`.
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;
template <class T>
inline constexpr bool is_result<detailed_result<T>> = true;

namespace internal {

/// Whether a `T` is made of a `U` without a cast and without losing a part of a number.
template <class T, class U>
concept made_without_loss = std::is_convertible_v<U, T> && requires(U value) {
    std::type_identity_t<T[]>{std::move(value)};  // NOLINT(modernize-avoid-c-arrays): a list, which refuses to narrow
};

}  // namespace internal

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

/// What `detailed_result::value()` throws. Its text is the message of its `info()`: "connect ECONNREFUSED 127.0.0.1:1".
class network_error : public result_error {
public:
    /// @param info  not null, and of an error.
    network_error(std::shared_ptr<const error_info> info, std::source_location where)
        : result_error(info->error, where), info_(std::move(info))
    {
    }

    const char* what() const noexcept override { return info_->message.c_str(); }
    /// All that is known about the failure; `error_name(code())` is its `code`.
    const error_info& info() const noexcept { return *info_; }

private:
    std::shared_ptr<const error_info> info_;
};

/// A value, or the reason why there is none.
///
/// What the peer, the kernel or time can cause is returned in a `result` and never thrown; `value()` bridges to an
/// exception for programs that prefer one.
///
/// A `result<U>` converts to it where `U` does so without loss, and any `result` to a `result<>`. From another one the error
/// alone is passed on: `co_return other.error();`.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    template <class U = T>
        requires(!is_result<std::remove_cvref_t<U>> && std::constructible_from<T, U &&> &&
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

    /// The same outcome for another type of value.
    template <class U>
        requires(!std::is_void_v<U> && !std::same_as<U, T> && internal::made_without_loss<T, U>)
    result(result<U> other) : state_(std::in_place_index<1>, other.error())
    {
        if (other)
            state_.template emplace<0>(*std::move(other));
    }

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

    /// Whether there was a value.
    template <class U>
        requires(!std::is_void_v<U>)
    result(const result<U>& other) noexcept : error_(other.error())
    {
    }

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

/// A `result` of something that is done once, such as connecting, which knows more about a failure than its code.
///
/// It converts to a `result`, which keeps the code.
template <class T>
class [[nodiscard]] detailed_result : public result<T> {
public:
    using result<T>::result;
    detailed_result()
        requires std::is_void_v<T>
    = default;
    detailed_result(result<T> plain) : result<T>(std::move(plain)) {}
    /// @param why  not null, and of an error.
    detailed_result(std::shared_ptr<const error_info> why) : result<T>(why->error), why_(std::move(why)) {}

    /// All that is known about the failure; empty where there is none.
    error_info info() const { return why_ ? *why_ : describe_error(this->error()); }
    /// The same to pass on. Only where there is a failure.
    std::shared_ptr<const error_info> failure() const
    {
        return why_ ? why_ : std::make_shared<const error_info>(describe_error(this->error()));
    }

    /// The value; nothing for `detailed_result<>`. Throws: `network_error` when there is an error.
    decltype(auto) value(std::source_location where = std::source_location::current()) &
    {
        require_value(where);
        return static_cast<result<T>&>(*this).value(where);
    }
    decltype(auto) value(std::source_location where = std::source_location::current()) const&
    {
        require_value(where);
        return static_cast<const result<T>&>(*this).value(where);
    }
    decltype(auto) value(std::source_location where = std::source_location::current()) &&
    {
        require_value(where);
        return static_cast<result<T>&&>(*this).value(where);
    }

private:
    void require_value(std::source_location where) const
    {
        if (!this->has_value())
            throw network_error(failure(), where);
    }

    std::shared_ptr<const error_info> why_;
};

namespace internal {

/// `errc::timed_out` in place of the error that a deadline caused.
template <class T>
result<T> timed_out(const result<T>&) noexcept
{
    return errc::timed_out;
}
/// The message goes on naming the thing.
template <class T>
detailed_result<T> timed_out(const detailed_result<T>& stopped)
{
    return std::make_shared<const error_info>(renamed(stopped.info(), errc::timed_out));
}

}  // namespace internal
}  // namespace coil
