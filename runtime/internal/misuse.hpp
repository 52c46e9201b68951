#pragma once

#include <source_location>
#include <string>

namespace coil::internal {

/// Whether mistakes are looked for where that costs something: in builds with assertions.
#ifdef NDEBUG
inline constexpr bool checks_misuse = false;
#else
inline constexpr bool checks_misuse = true;
#endif

// What objects hold differs between builds with and without assertions, so code of one kind must not meet objects of the
// other. Each refers to a name that only its own kind defines: a program of both kinds does not link.
#ifdef NDEBUG
extern const char every_object_has_to_be_compiled_with_NDEBUG;
[[gnu::used]] inline const char* const same_NDEBUG_everywhere = &every_object_has_to_be_compiled_with_NDEBUG;
#else
extern const char every_object_has_to_be_compiled_without_NDEBUG;
[[gnu::used]] inline const char* const same_NDEBUG_everywhere = &every_object_has_to_be_compiled_without_NDEBUG;
#endif

/// A broken invariant: says so and ends the program.
[[noreturn]] void stop_program(const std::string& message) noexcept;

/// Where a coroutine is written. Builds without assertions do not keep it.
class coroutine_origin {
public:
    void set([[maybe_unused]] const std::source_location& where) noexcept
    {
#ifndef NDEBUG
        where_ = where;
#endif
    }
    /// Its name, file and line; empty where that is not known.
    std::string describe() const;

private:
#ifndef NDEBUG
    std::source_location where_;
#endif
};

/// The thread that an object belongs to: the one on which it is first awaited. Builds without assertions do not look.
class thread_mark {
public:
    /// @param what  the object, for the message.
    explicit thread_mark([[maybe_unused]] const char* what) noexcept
#ifndef NDEBUG
        : what_(what)
#endif
    {
    }

    /// Whether this is the thread of the object.
    bool is_here() noexcept
    {
#ifndef NDEBUG
        if (!home_)
            home_ = &here_;
        return home_ == &here_;
#else
        return true;
#endif
    }
    /// Stops the program on another thread.
    void check() noexcept
    {
        if (!is_here())
            stop_on_wrong_thread();
    }

private:
    [[noreturn]] void stop_on_wrong_thread() const noexcept;

#ifndef NDEBUG
    static inline thread_local char here_ = 0;  // its address tells threads apart

    const char* what_;
    const char* home_ = nullptr;
#endif
};

}  // namespace coil::internal
