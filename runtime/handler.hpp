#pragma once

#include <coil/runtime/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coil {

template <class Signature>
class handler;

namespace internal {

template <class T>
struct awaited {
    static constexpr bool is_task = false;
    using type = T;
};

template <class T>
struct awaited<task<T>> {
    static constexpr bool is_task = true;
    using type = T;
};

/// Whether a handler that gives `R` may return this: `R` itself, or a task of it.
template <class Returned, class R>
concept gives = std::is_void_v<R> == std::is_void_v<typename awaited<Returned>::type> &&
                (std::is_void_v<R> || std::convertible_to<typename awaited<Returned>::type, R>);

/// Whether there is nothing to call: a null pointer, or another holder of a callable that holds none.
template <class Callable>
bool is_empty(const Callable& callable)
{
    if constexpr (std::is_pointer_v<Callable> || std::is_member_pointer_v<Callable> ||
                  (std::is_class_v<Callable> && std::constructible_from<Callable, std::nullptr_t> &&
                   std::constructible_from<bool, const Callable&>))
        return !static_cast<bool>(callable);
    else
        return false;
}

template <class Callable, class Arguments, std::size_t... Index>
decltype(auto) call_with_first(Callable& callable, Arguments& arguments, std::index_sequence<Index...>)
{
    return std::invoke(callable, static_cast<std::tuple_element_t<Index, Arguments>&&>(std::get<Index>(arguments))...);
}

/// How many arguments, from the first on, a callable takes: it may leave the last ones out. @return -1 for none that fits.
template <class Callable, class Arguments, std::size_t Most = std::tuple_size_v<Arguments>>
constexpr int count_taken()
{
    constexpr bool takes = []<std::size_t... Index>(std::index_sequence<Index...>) {
        return std::invocable<Callable&, std::tuple_element_t<Index, Arguments>...>;
    }(std::make_index_sequence<Most>());
    if constexpr (takes)
        return static_cast<int>(Most);
    else if constexpr (Most == 0)
        return -1;
    else
        return count_taken<Callable, Arguments, Most - 1>();
}

/// What a callable returns when it is given the arguments that it takes.
template <class Callable, class Arguments>
    requires(count_taken<Callable, Arguments>() >= 0)
using returned_by = decltype(call_with_first(std::declval<Callable&>(), std::declval<Arguments&>(),
                                             std::make_index_sequence<count_taken<Callable, Arguments>()>()));

template <class Callable, class Arguments, class R>
concept handles = requires {
    typename returned_by<Callable, Arguments>;
    requires gives<returned_by<Callable, Arguments>, R>;
};

}  // namespace internal

/// What a program answers or does when it is asked or told something: an ordinary function that gives `R`, or a coroutine,
/// which gives `task<R>` and may take its time.
///
/// Any callable will do, one that owns things included; it may leave out the last parameters. One that holds nothing makes an
/// empty handler, which must not be called. Copies share it, and it lives
/// until the last of them and the last of its tasks is gone, so that a lambda's captures outlive every suspension.
/// ```
/// coil::handler<int(std::string, int)> length = [](std::string text) { return static_cast<int>(text.size()); };
/// coil::handler<int(std::string, int)> slow = [](std::string text, int factor) -> coil::task<int> { … };
/// ```
/// Node: a callback or an event listener; what it hands to `callback(null, value)` is returned.
template <class R, class... Args>
class handler<R(Args...)> {
    using arguments = std::tuple<Args...>;

public:
    handler() noexcept = default;
    handler(std::nullptr_t) noexcept {}
    template <class Callable>
        requires(!std::same_as<std::decay_t<Callable>, handler> &&
                 internal::handles<std::decay_t<Callable>, arguments, R>)
    handler(Callable&& callable)
    {
        if (!internal::is_empty<std::decay_t<Callable>>(callable))
            holder_ = std::make_shared<holding<std::decay_t<Callable>>>(std::forward<Callable>(callable));
    }

    explicit operator bool() const noexcept { return holder_ != nullptr; }
    /// Whether it is a coroutine.
    bool waits() const noexcept { return holder_->waits; }

    /// A task that calls it and gives its answer. It owns the arguments, and keeps the callable alive.
    task<R> operator()(Args... args) const { return ask(holder_, arguments(std::forward<Args>(args)...)); }

    /// For handlers that do not wait: calls it now.
    R call(Args... args) const
    {
        arguments given(std::forward<Args>(args)...);
        return holder_->call(given);
    }

    /// Calls it now and gives what is left to be awaited, without a coroutine of its own around it: the handler has to outlive
    /// that, and the callable's own parameters have to be values.
    task<R> start(Args... args) const
    {
        arguments given(std::forward<Args>(args)...);
        return holder_->start(given);
    }

private:
    struct base {
        explicit base(bool is_coroutine) noexcept : waits(is_coroutine) {}
        base(const base&) = delete;
        base& operator=(const base&) = delete;
        virtual ~base() = default;
        virtual R call(arguments& given) = 0;
        virtual task<R> start(arguments& given) = 0;

        const bool waits;
    };

    template <class Callable>
    class holding final : public base {
        using returned = internal::returned_by<Callable, arguments>;
        static constexpr bool is_task = internal::awaited<returned>::is_task;

    public:
        template <class From>
        explicit holding(From&& callable) : base(is_task), callable_(std::forward<From>(callable))
        {
        }

        R call(arguments& given) override
        {
            if constexpr (is_task)
                std::terminate();  // its answer has to be awaited
            else
                return ask_now(given);
        }
        task<R> start(arguments& given) override
        {
            if constexpr (std::same_as<returned, task<R>>)
                return ask_now(given);
            else if constexpr (is_task)
                return converted(ask_now(given));
            else if constexpr (std::is_void_v<R>)
                return ask_now(given), ready();
            else
                return ready(ask_now(given));
        }

    private:
        decltype(auto) ask_now(arguments& given)
        {
            return internal::call_with_first(callable_, given,
                                             std::make_index_sequence<internal::count_taken<Callable, arguments>()>());
        }

        Callable callable_;
    };

    template <class Other>
    static task<R> converted(Other awaited)
    {
        auto value = co_await awaited;
        co_return R(std::move(value));
    }
    static task<> ready() { co_return; }
    template <class Value>
    static task<R> ready(Value value)
    {
        co_return std::move(value);
    }
    static task<R> ask(std::shared_ptr<base> holder, arguments given)
    {
        task<R> answering = holder->start(given);
        if constexpr (std::is_void_v<R>) {
            co_await answering;
        } else {
            R answer = co_await answering;
            co_return answer;
        }
    }

    std::shared_ptr<base> holder_;
};

}  // namespace coil
