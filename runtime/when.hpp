#pragma once

#include <coil/runtime/internal/group.hpp>
#include <coil/runtime/task.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

namespace coil {

/// What `when_any` gives.
template <class Values>
struct when_any_result {
    /// Which one ended first.
    std::size_t index;
    /// What each of them gave, in the order of the arguments; `std::monostate` for void. That of `index` is always there;
    /// one that had lost has none where it was not started any more or ended with an exception.
    Values values;
};

namespace internal {

template <class... A>
using optional_values = std::tuple<std::optional<await_value<A>>...>;

template <class... A, std::size_t... Index>
std::array<member, sizeof...(A)> make_members([[maybe_unused]] std::tuple<A...>& awaitables,
                                              [[maybe_unused]] optional_values<A...>& values,
                                              std::index_sequence<Index...>)
{
    return {run_member(std::get<Index>(awaitables), std::get<Index>(values))...};
}

template <class A>
std::vector<member> make_members(std::vector<A>& awaitables, std::vector<std::optional<await_value<A>>>& values)
{
    std::vector<member> members;
    members.reserve(awaitables.size());
    for (std::size_t index = 0; index < awaitables.size(); ++index)
        members.push_back(run_member(awaitables[index], values[index]));
    return members;
}

template <class... A>
task<when_any_result<optional_values<A...>>> run_any(std::tuple<A...> awaitables)
{
    const stop_token outer = co_await this_task::stop_token();
    group together(group::policy::first, outer);
    optional_values<A...> values;
    auto members = make_members(awaitables, values, std::index_sequence_for<A...>());
    group_wait waiting(together, members);
    co_await waiting;
    together.rethrow();
    co_return when_any_result<optional_values<A...>>{together.decided(), std::move(values)};
}

template <class A>
task<when_any_result<std::vector<std::optional<await_value<A>>>>> run_any(std::vector<A> awaitables)
{
    const stop_token outer = co_await this_task::stop_token();
    group together(group::policy::first, outer);
    std::vector<std::optional<await_value<A>>> values(awaitables.size());
    std::vector<member> members = make_members(awaitables, values);
    group_wait waiting(together, members);
    co_await waiting;
    together.rethrow();
    co_return when_any_result<std::vector<std::optional<await_value<A>>>>{together.decided(), std::move(values)};
}

}  // namespace internal

/// Awaits all of them side by side and gives their values as a tuple; `std::monostate` for void.
///
/// They are started in their order, each up to where it first waits. The first that fails with an exception stops the
/// others; its exception is thrown when all have ended. A `result` that holds an error is a value like others and stops
/// nothing. A stop of the awaiting coroutine stops them all.
/// ```
/// auto [user, orders] = co_await coil::when_all(find_user(id), find_orders(id));
/// ```
/// Node: Promise.all; with `result`s Promise.allSettled.
template <class... A>
task<std::tuple<internal::await_value<A>...>> when_all(A... awaitables)
{
    const stop_token outer = co_await this_task::stop_token();
    internal::group together(internal::group::policy::all, outer);
    std::tuple<A...> kept(std::move(awaitables)...);
    internal::optional_values<A...> values;
    auto members = internal::make_members(kept, values, std::index_sequence_for<A...>());
    internal::group_wait waiting(together, members);
    co_await waiting;
    together.rethrow();
    co_return std::apply(
        [](auto&... each) { return std::tuple<internal::await_value<A>...>(std::move(*each)...); }, values);
}

/// The same for any number of one kind; gives their values as a vector.
template <class A>
task<std::vector<internal::await_value<A>>> when_all(std::vector<A> awaitables)
{
    const stop_token outer = co_await this_task::stop_token();
    internal::group together(internal::group::policy::all, outer);
    std::vector<std::optional<internal::await_value<A>>> values(awaitables.size());
    std::vector<internal::member> members = internal::make_members(awaitables, values);
    internal::group_wait waiting(together, members);
    co_await waiting;
    together.rethrow();
    std::vector<internal::await_value<A>> all;
    all.reserve(values.size());
    for (auto& value : values)
        all.push_back(std::move(*value));
    co_return all;
}

/// Awaits all of them side by side until the first ends, stops the others and waits until these have ended too.
///
/// What the others gave is there as well, since an operation may succeed at the moment at which it is stopped: nothing that
/// was received is lost. Where the first ends with an exception, that is thrown when all have ended; exceptions of the
/// others are dropped. Those behind one that ends without waiting are not started.
/// ```
/// auto race = co_await coil::when_any(messages.receive(), coil::sleep_for(1s));
/// if (auto& message = std::get<0>(race.values); message && *message) ...
/// ```
/// Node: Promise.race.
template <class A, class... Others>
task<when_any_result<internal::optional_values<A, Others...>>> when_any(A awaitable, Others... others)
{
    return internal::run_any(std::tuple<A, Others...>(std::move(awaitable), std::move(others)...));
}

/// The same for any number of one kind. Throws: `std::invalid_argument` at once where there is none.
template <class A>
task<when_any_result<std::vector<std::optional<internal::await_value<A>>>>> when_any(std::vector<A> awaitables)
{
    if (awaitables.empty())
        throw std::invalid_argument("coil::when_any: nothing to wait for");
    return internal::run_any(std::move(awaitables));
}

}  // namespace coil
