#pragma once

#include <coil/runtime/internal/misuse.hpp>

#include <utility>

namespace coil::internal {

/// Who awaits a coroutine, and who that one, up to the coroutine at the bottom. Builds without assertions do not keep it.
///
/// It tells which coroutines run, so that one that is about to destroy itself can be stopped with a message. Where the way
/// to a coroutine is not known none counts as running.
class coroutine_lineage {
public:
#ifdef NDEBUG
    void set_parent(const coroutine_lineage&) noexcept {}
    const coroutine_lineage* parent() const noexcept { return nullptr; }
    static const coroutine_lineage* running() noexcept { return nullptr; }
    static void set_running(const coroutine_lineage*) noexcept {}
#else
    coroutine_lineage() noexcept = default;
    coroutine_lineage(const coroutine_lineage&) = delete;
    coroutine_lineage& operator=(const coroutine_lineage&) = delete;
    ~coroutine_lineage()
    {
        if (running_ == this)
            running_ = nullptr;
    }

    void set_parent(const coroutine_lineage& parent) noexcept { parent_ = &parent; }
    const coroutine_lineage* parent() const noexcept { return parent_; }

    /// The innermost coroutine that runs on this thread; null where that is not known.
    static const coroutine_lineage* running() noexcept { return running_; }
    static void set_running(const coroutine_lineage* who) noexcept { running_ = who; }

private:
    static inline thread_local const coroutine_lineage* running_ = nullptr;

    const coroutine_lineage* parent_ = nullptr;
#endif
};

/// Remembers whom the loop resumes.
class resumed_coroutine {
public:
#ifdef NDEBUG
    static void note(const coroutine_lineage*, const void*) noexcept {}
    void keep(const void*) noexcept {}
    const coroutine_lineage* get() const noexcept { return nullptr; }
#else
    /// The coroutine with this frame, and this lineage if it has one, begins to await something.
    static void note(const coroutine_lineage* who, const void* frame) noexcept { noted_ = {who, frame}; }
    /// It is that of `frame`, if that was the last to be noted.
    void keep(const void* frame) noexcept { who_ = frame == noted_.second ? noted_.first : nullptr; }
    const coroutine_lineage* get() const noexcept { return who_; }

private:
    static inline thread_local std::pair<const coroutine_lineage*, const void*> noted_{nullptr, nullptr};

    const coroutine_lineage* who_ = nullptr;
#endif
};

}  // namespace coil::internal
