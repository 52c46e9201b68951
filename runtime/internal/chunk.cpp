#include <coil/runtime/internal/chunk.hpp>

#include <coil/runtime/internal/copy.hpp>
#include <coil/runtime/internal/poison.hpp>

#include <algorithm>
#include <new>

namespace coil::internal {

/// The free chunks of one thread. It keeps a few of each size and gives the rest back to the allocator, so that a burst
/// does not pin its memory for ever.
class chunk_pool {
public:
    ~chunk_pool()
    {
        small_.clear();
        large_.clear();
    }

    chunk* allocate(std::size_t bytes)
    {
        shelf& from = bytes <= small_.capacity ? small_ : large_;
        ++from.in_use;
        if (chunk* piece = from.free) {
            from.free = piece->next_;
            --from.count;
            unpoison(piece + 1, piece->capacity_);
            return ::new (piece) chunk(from.capacity);
        }
        return ::new (::operator new(sizeof(chunk) + from.capacity)) chunk(from.capacity);
    }

    void release(chunk* piece) noexcept
    {
        shelf& to = piece->capacity_ == small_.capacity ? small_ : large_;
        --to.in_use;
        if (to.count == to.most) {
            ::operator delete(piece);
            return;
        }
        poison(piece + 1, piece->capacity_);
        piece->next_ = to.free;
        to.free = piece;
        ++to.count;
    }

    std::size_t in_use() const noexcept { return small_.in_use + large_.in_use; }
    std::size_t large_in_use() const noexcept { return large_.in_use; }

private:
    struct shelf {
        std::uint32_t capacity;
        std::uint32_t most;
        std::uint32_t count = 0;
        std::size_t in_use = 0;
        chunk* free = nullptr;

        void clear() noexcept
        {
            while (chunk* piece = free) {
                free = piece->next_;
                unpoison(piece + 1, piece->capacity_);
                ::operator delete(piece);
            }
            most = 0;
            count = 0;
        }
    };

    shelf small_{chunk::small_size - sizeof(chunk), 512};
    shelf large_{chunk::large_size - sizeof(chunk), 32};
};

namespace {
thread_local chunk_pool pool;
}

chunk* chunk::allocate(std::size_t bytes)
{
    return pool.allocate(bytes);
}

void chunk::release() noexcept
{
    pool.release(this);
}

std::size_t chunks_in_use() noexcept
{
    return pool.in_use();
}

std::size_t large_chunks_in_use() noexcept
{
    return pool.large_in_use();
}

std::size_t chunk_queue::gather(std::span<std::span<const std::byte>> runs) const noexcept
{
    std::size_t count = 0;
    for (const chunk* piece = first_; piece && count < runs.size(); piece = piece->next_)
        runs[count++] = piece->filled();
    return count;
}

void chunk_queue::append(std::span<const std::byte> bytes)
{
    while (!bytes.empty()) {
        if (!last_ || last_->room().empty()) {
            // Small traffic stays in small chunks; whoever needs a second chunk is on the way to bulk.
            const std::size_t wanted = last_ ? chunk::large_size : bytes.size();
            chunk* piece = chunk::allocate(wanted);
            (last_ ? last_->next_ : first_) = piece;
            last_ = piece;
        }
        const std::size_t size = std::min(bytes.size(), last_->room().size());
        copy_bytes(last_->room().data(), bytes.data(), size);
        last_->fill(size);
        size_ += size;
        bytes = bytes.subspan(size);
    }
}

void chunk_queue::append(chunk_queue&& other) noexcept
{
    if (other.empty()) {
        other.clear();
        return;
    }
    if (last_ && other.size_ <= last_->room().size() && other.size_ <= chunk::small_size) {
        append(other.front());
        if (other.first_ != other.last_)
            for (const chunk* piece = other.first_->next_; piece; piece = piece->next_)
                append(piece->filled());
        other.clear();
        return;
    }
    (last_ ? last_->next_ : first_) = other.first_;
    last_ = other.last_;
    size_ += other.size_;
    other.first_ = other.last_ = nullptr;
    other.size_ = 0;
}

void chunk_queue::append(chunk* piece) noexcept
{
    (last_ ? last_->next_ : first_) = piece;
    last_ = piece;
    size_ += piece->filled().size();
}

void chunk_queue::consume(std::size_t bytes) noexcept
{
    size_ -= bytes;
    while (first_) {
        const std::size_t here = std::min(bytes, first_->filled().size());
        first_->drop(here);
        bytes -= here;
        if (!first_->filled().empty())
            return;
        chunk* empty = first_;
        first_ = empty->next_;
        empty->release();
    }
    last_ = nullptr;
}

void chunk_queue::clear() noexcept
{
    consume(size_);
}

}  // namespace coil::internal
