#pragma once

#include <coil/runtime/internal/list.hpp>
#include <coil/runtime/internal/ring/nonblocking_system.hpp>
#include <coil/runtime/internal/ring/ring.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace coil::internal {

class file_job;

struct waiting_tag;
struct retry_tag;

/// What a request waits for.
enum class awaited : std::uint8_t { nothing, readiness, turn, time, thread };

/// A request that could not be carried out at once.
struct pending_request : list_hook<waiting_tag>, list_hook<retry_tag> {
    pending_request() noexcept = default;
    explicit pending_request(const request& of) noexcept : wanted(of) {}

    request wanted;
    std::uint32_t done = 0;  ///< Bytes that were sent.
    awaited waits_for = awaited::nothing;
    bool begun = false;                              ///< It was tried before.
    bool restore_blocking = false;                   ///< The socket did block before.
    bool kept = false;                               ///< It lies among the pending ones.
    bool watched = false;                            ///< An event was to be made for it.
    bool unasked = false;                            ///< It was not tried since it was asked for.
    descriptor_kind kind = descriptor_kind::stream;  ///< Of what is read or written.
    int channel = -1;  ///< The descriptor that is read or written in place of `wanted.fd`, which is of the same file.
    file_job* job = nullptr;
};

/// Those that wait for the same.
using waiting_requests = list<pending_request, waiting_tag>;
using retried_requests = list<pending_request, retry_tag>;

/// The requests of a ring that could not be carried out at once, each to be found by its user data.
class pending_requests {
public:
    pending_requests() = default;
    pending_requests(const pending_requests&) = delete;
    pending_requests& operator=(const pending_requests&) = delete;

    /// Keeps a copy. It stays where it is until it is dropped.
    pending_request& keep(const pending_request& of);
    void drop(pending_request& which) noexcept;
    /// Null for none.
    pending_request* find(std::uint64_t user_data) noexcept;

private:
    static constexpr std::size_t block_size = 64;
    /// Operations are numbered from 1, so that a table finds them; for what has a high number, or one that is taken, there
    /// is a map.
    static constexpr std::uint32_t most_numbered = 1U << 22;

    pending_request*& slot(std::uint32_t number);

    std::vector<std::unique_ptr<std::array<pending_request, block_size>>> blocks_;
    std::vector<pending_request*> free_;
    std::vector<pending_request*> numbered_;
    std::unordered_multimap<std::uint64_t, pending_request*> others_;
};

}  // namespace coil::internal
