#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace coil::internal {

/// A pooled piece of memory that holds bytes on their way to or from the kernel.
///
/// There are two sizes. Small traffic lives in small chunks, so that an idle or a chatty connection costs little; a large
/// one holds four full TLS records, which is what one send of bulk data carries. The sizes include the header and are no
/// multiple of a page, so that the first bytes of many chunks do not share the same cache sets.
class chunk {
public:
    static constexpr std::size_t small_size = 2 * 1024 + 64;
    static constexpr std::size_t large_size = 4 * (16 * 1024 + 256) + 64;

    /// A chunk with room for at least `bytes`, if a large one has that; otherwise a large one. From this thread's pool.
    static chunk* allocate(std::size_t bytes);
    /// Gives the chunk to this thread's pool.
    void release() noexcept;

    std::span<const std::byte> filled() const noexcept { return {data() + begin_, end_ - begin_}; }
    std::span<std::byte> room() noexcept { return {data() + end_, capacity_ - end_}; }
    std::size_t capacity() const noexcept { return capacity_; }

    /// Says that `bytes` of `room()` now hold data.
    void fill(std::size_t bytes) noexcept { end_ += static_cast<std::uint32_t>(bytes); }
    /// Drops `bytes` from the front of `filled()`.
    void drop(std::size_t bytes) noexcept { begin_ += static_cast<std::uint32_t>(bytes); }

private:
    friend class chunk_queue;
    friend class chunk_pool;

    chunk(std::uint32_t capacity) noexcept : capacity_(capacity) {}

    std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    const std::byte* data() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }

    chunk* next_ = nullptr;
    std::uint32_t capacity_;
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
};

/// Bytes in order, in pooled chunks.
class chunk_queue {
public:
    chunk_queue() noexcept = default;
    chunk_queue(chunk_queue&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)),
          last_(std::exchange(other.last_, nullptr)),
          size_(std::exchange(other.size_, 0))
    {
    }
    chunk_queue& operator=(chunk_queue&& other) noexcept
    {
        if (this != &other) {
            clear();
            first_ = std::exchange(other.first_, nullptr);
            last_ = std::exchange(other.last_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~chunk_queue() { clear(); }

    bool empty() const noexcept { return size_ == 0; }
    /// Bytes in the queue.
    std::size_t size() const noexcept { return size_; }

    /// The first run of bytes that lie together; empty when the queue is.
    std::span<const std::byte> front() const noexcept
    {
        return first_ ? first_->filled() : std::span<const std::byte>{};
    }

    /// Fills `runs` with the first runs of bytes. @return how many were filled.
    std::size_t gather(std::span<std::span<const std::byte>> runs) const noexcept;

    /// Copies `bytes` to the end.
    void append(std::span<const std::byte> bytes);
    /// Moves all of `other` to the end, without a copy where the chunks are well filled.
    void append(chunk_queue&& other) noexcept;
    /// Takes over `piece`, which must hold bytes.
    void append(chunk* piece) noexcept;

    /// Drops the first `bytes` bytes, at most `size()`; chunks that run empty go back to the pool.
    void consume(std::size_t bytes) noexcept;
    void clear() noexcept;

private:
    chunk* first_ = nullptr;
    chunk* last_ = nullptr;
    std::size_t size_ = 0;
};

/// How many chunks of this thread are in use, of both sizes: for tests and statistics.
std::size_t chunks_in_use() noexcept;
/// How many of them are large: what bulk data of all connections takes of the processor's cache.
std::size_t large_chunks_in_use() noexcept;

}  // namespace coil::internal
