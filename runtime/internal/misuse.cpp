#include <coil/runtime/internal/misuse.hpp>

#include <coil/runtime/internal/stretch.hpp>

#include <cstdio>
#include <cstdlib>

namespace coil::internal {

#ifdef NDEBUG
const char every_object_has_to_be_compiled_with_NDEBUG = 0;
#else
const char every_object_has_to_be_compiled_without_NDEBUG = 0;
#endif

void stop_program(const std::string& message) noexcept
{
    std::fprintf(stderr, "coil: %s\n", message.c_str());
    std::abort();
}

std::string coroutine_origin::describe() const
{
#ifndef NDEBUG
    if (where_.line() == 0)
        return {};
    return std::string(where_.function_name()) + " (" + where_.file_name() + ":" + std::to_string(where_.line()) + ")";
#else
    return {};
#endif
}

void thread_mark::stop_on_wrong_thread() const noexcept
{
#ifndef NDEBUG
    const std::string who = this_thread_stretch.last ? this_thread_stretch.last->describe() : std::string();
    stop_program(std::string(what_) + " that belongs to another thread is awaited" + (who.empty() ? "" : " in " + who));
#else
    std::abort();  // there is no mark that could differ
#endif
}

}  // namespace coil::internal
