#pragma once

#include <cassert>
#include <cstddef>
#include <iterator>

namespace coil::internal {

/// A place in an intrusive list. It leaves its list when it is destroyed, so a list never holds a dead element.
///
/// `Tag` lets one object stand in several lists at once.
template <class Tag>
class list_hook {
public:
    list_hook() noexcept = default;
    /// A copy or a moved-to object starts outside of any list; only objects outside of any list may be moved from.
    list_hook([[maybe_unused]] const list_hook& other) noexcept { assert(!other.linked()); }
    list_hook& operator=([[maybe_unused]] const list_hook& other) noexcept
    {
        assert(!linked() && !other.linked());
        return *this;
    }
    ~list_hook() { unlink(); }

    bool linked() const noexcept { return next_ != nullptr; }

    void unlink() noexcept
    {
        if (!next_)
            return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

private:
    template <class, class>
    friend class list;

    list_hook* next_ = nullptr;
    list_hook* previous_ = nullptr;
};

/// A first-in first-out list of objects that derive from `list_hook<Tag>`. It owns nothing and allocates nothing.
template <class T, class Tag = T>
class list {
public:
    list() noexcept { root_.next_ = root_.previous_ = &root_; }
    list(const list&) = delete;
    list& operator=(const list&) = delete;
    ~list()
    {
        while (!empty())
            root_.next_->unlink();
        root_.next_ = root_.previous_ = nullptr;
    }

    bool empty() const noexcept { return root_.next_ == &root_; }
    T& front() noexcept { return static_cast<T&>(*root_.next_); }

    void push_back(T& element) noexcept
    {
        list_hook<Tag>& hook = element;
        assert(!hook.linked());
        hook.previous_ = root_.previous_;
        hook.next_ = &root_;
        root_.previous_->next_ = &hook;
        root_.previous_ = &hook;
    }

    class iterator {
    public:
        using difference_type = std::ptrdiff_t;
        using value_type = T;
        using reference = T&;
        using pointer = T*;
        using iterator_category = std::forward_iterator_tag;

        explicit iterator(list_hook<Tag>* at = nullptr) noexcept : at_(at) {}
        T& operator*() const noexcept { return static_cast<T&>(*at_); }
        iterator& operator++() noexcept
        {
            at_ = at_->next_;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator before = *this;
            ++*this;
            return before;
        }
        bool operator==(const iterator&) const noexcept = default;

    private:
        list_hook<Tag>* at_;
    };

    iterator begin() noexcept { return iterator(root_.next_); }
    iterator end() noexcept { return iterator(&root_); }

    /// Takes the first element out. Only where the list is not empty.
    T& pop_front() noexcept
    {
        T& element = front();
        static_cast<list_hook<Tag>&>(element).unlink();
        return element;
    }

    /// Moves all elements of `other` to the end.
    void splice(list& other) noexcept
    {
        if (other.empty())
            return;
        list_hook<Tag>* first = other.root_.next_;
        list_hook<Tag>* last = other.root_.previous_;
        other.root_.next_ = other.root_.previous_ = &other.root_;
        first->previous_ = root_.previous_;
        root_.previous_->next_ = first;
        last->next_ = &root_;
        root_.previous_ = last;
    }

private:
    list_hook<Tag> root_;
};

}  // namespace coil::internal
