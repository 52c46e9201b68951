#include "bench/floor/uring_tcp_server.hpp"

#include "bench/failure.hpp"
#include "bench/listener.hpp"
#include "bench/protocol.hpp"
#include "bench/scenario.hpp"

#include <liburing.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <unistd.h>

namespace bench {
namespace {

constexpr unsigned ring_entries = 4096;
/// Of a send in a download: the size that was cheapest of those tried.
constexpr std::size_t block_size = 64 * 1024;

/// Buffers that the kernel picks from when bytes have come.
class buffer_group {
public:
    /// @param count  a power of two.
    buffer_group(io_uring& ring, std::uint16_t id, unsigned count, std::size_t size);
    buffer_group(const buffer_group&) = delete;
    buffer_group& operator=(const buffer_group&) = delete;
    ~buffer_group() { munmap(entries_, count_ * sizeof(io_uring_buf)); }

    std::uint16_t id() const noexcept { return id_; }
    char* at(unsigned index) noexcept { return memory_.data() + index * size_; }
    void give_back(unsigned index) noexcept;

private:
    std::uint16_t id_;
    unsigned count_;
    std::size_t size_;
    std::vector<char> memory_;
    io_uring_buf_ring* entries_;
};

buffer_group::buffer_group(io_uring& ring, std::uint16_t id, unsigned count, std::size_t size)
    : id_(id), count_(count), size_(size), memory_(count * size)
{
    void* const mapped =
        mmap(nullptr, count * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (mapped == MAP_FAILED)
        throw system_failure("cannot make a ring of buffers");
    entries_ = static_cast<io_uring_buf_ring*>(mapped);
    io_uring_buf_reg wanted = {};
    wanted.ring_addr = reinterpret_cast<std::uint64_t>(mapped);
    wanted.ring_entries = count;
    wanted.bgid = id;
    if (const int result = io_uring_register_buf_ring(&ring, &wanted, 0); result < 0) {
        munmap(mapped, count * sizeof(io_uring_buf));
        errno = -result;
        throw system_failure("cannot register a ring of buffers");
    }
    io_uring_buf_ring_init(entries_);
    for (unsigned i = 0; i < count; ++i)
        give_back(i);
}

void buffer_group::give_back(unsigned index) noexcept
{
    io_uring_buf_ring_add(entries_, at(index), static_cast<unsigned>(size_), static_cast<unsigned short>(index),
                          io_uring_buf_ring_mask(count_), 0);
    io_uring_buf_ring_advance(entries_, 1);
}

/// Received bytes that go back as they are; their buffer is the kernel's again afterwards.
struct echoed {
    unsigned buffer;
    std::size_t size;
    std::size_t sent = 0;
};

struct peer {
    int descriptor;
    protocol speaks;
    std::deque<echoed> echoes;
    std::uint64_t left = 0;
    std::array<unsigned char, 8> length = {};
    std::size_t length_read = 0;
    unsigned answers = 0;
    bool receives = false;
    bool sends = false;
    bool ended = false;
};

/// What a completion belongs to, in the low bits of a pointer to a peer.
enum class event : std::uint64_t { accepted, received, sent };
constexpr std::uint64_t event_bits = 3;

/// As with the server on epoll: requests are taken for granted where a generator that sends one at a time cannot make a
/// difference.
class plain_server {
public:
    explicit plain_server(std::uint16_t port);
    ~plain_server() { io_uring_queue_exit(&ring_); }
    void run();

private:
    io_uring_sqe* next_entry(event what, peer& one);
    void accept(peer& listener);
    void receive(peer& one);
    void send(peer& one, const void* bytes, std::size_t size);
    void send_more(peer& one);
    void take(peer& one, unsigned buffer, std::size_t size);
    void count_length(peer& one, std::span<const char>& bytes);
    void accepted(peer& listener, const io_uring_cqe& completion);
    void received(peer& one, const io_uring_cqe& completion);
    void sent(peer& one, int result);
    void complete(const io_uring_cqe& completion);
    buffer_group& buffers_of(const peer& one) { return one.speaks == protocol::upload ? *large_ : *small_; }

    io_uring ring_ = {};
    std::unique_ptr<buffer_group> small_;
    std::unique_ptr<buffer_group> large_;
    std::vector<std::unique_ptr<peer>> listeners_;
    std::vector<char> block_ = std::vector<char>(block_size + write_size);
};

plain_server::plain_server(std::uint16_t port)
{
    io_uring_params wanted = {};
    wanted.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    wanted.cq_entries = 4 * ring_entries;
    if (const int result = io_uring_queue_init_params(ring_entries, &ring_, &wanted); result < 0) {
        errno = -result;
        throw system_failure("cannot make an io_uring");
    }
    small_ = std::make_unique<buffer_group>(ring_, 0, 4096, echo_buffer_size);
    large_ = std::make_unique<buffer_group>(ring_, 1, 256, block_size);
    for (std::size_t i = 0; i < block_.size(); ++i)
        block_[i] = static_cast<char>(pattern()[i % write_size]);
    for (const protocol one : all_protocols) {
        listeners_.push_back(std::make_unique<peer>());
        listeners_.back()->descriptor = listen_on(port_of(one, port));
        listeners_.back()->speaks = one;
        accept(*listeners_.back());
    }
}

io_uring_sqe* plain_server::next_entry(event what, peer& one)
{
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (!entry) {
        io_uring_submit(&ring_);
        entry = io_uring_get_sqe(&ring_);
    }
    if (!entry)
        throw failure("the submission queue stays full");
    io_uring_sqe_set_data64(entry, reinterpret_cast<std::uint64_t>(&one) | static_cast<std::uint64_t>(what));
    return entry;
}

void plain_server::accept(peer& listener)
{
    io_uring_sqe* const entry = next_entry(event::accepted, listener);
    const std::uint64_t data = entry->user_data;
    io_uring_prep_multishot_accept(entry, listener.descriptor, nullptr, nullptr, SOCK_CLOEXEC);
    entry->user_data = data;
}

void plain_server::receive(peer& one)
{
    io_uring_sqe* const entry = next_entry(event::received, one);
    const std::uint64_t data = entry->user_data;
    io_uring_prep_recv_multishot(entry, one.descriptor, nullptr, 0, 0);
    entry->user_data = data;
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffers_of(one).id();
    one.receives = true;
}

void plain_server::send(peer& one, const void* bytes, std::size_t size)
{
    io_uring_sqe* const entry = next_entry(event::sent, one);
    const std::uint64_t data = entry->user_data;
    io_uring_prep_send(entry, one.descriptor, bytes, size, MSG_NOSIGNAL | MSG_WAITALL);
    entry->user_data = data;
    one.sends = true;
}

/// Begins the next send, if there is one and none is under way.
void plain_server::send_more(peer& one)
{
    if (one.sends || one.ended)
        return;
    const bool asked = one.length_read == one.length.size();
    if (one.speaks == protocol::echo && !one.echoes.empty()) {
        const echoed& next = one.echoes.front();
        send(one, small_->at(next.buffer) + next.sent, next.size - next.sent);
    } else if (one.speaks == protocol::http && one.answers != 0) {
        --one.answers;
        send(one, http_answer.data(), http_answer.size());
    } else if (one.speaks == protocol::download && asked && one.left != 0) {
        const std::size_t offset = (0 - one.left) % write_size;
        send(one, block_.data() + offset, static_cast<std::size_t>(std::min<std::uint64_t>(one.left, block_size)));
    } else if (one.speaks == protocol::upload && asked && one.left == 0) {
        one.length_read = 0;
        send(one, one.length.data(), one.length.size());
    }
}

/// Takes what belongs to the length from the front of `bytes`.
void plain_server::count_length(peer& one, std::span<const char>& bytes)
{
    while (!bytes.empty() && one.length_read < one.length.size()) {
        const auto next = static_cast<unsigned char>(bytes.front());
        one.length[one.length_read++] = next;
        one.left = one.left << 8 | next;
        bytes = bytes.subspan(1);
    }
}

void plain_server::take(peer& one, unsigned buffer, std::size_t size)
{
    std::span<const char> bytes(buffers_of(one).at(buffer), size);
    switch (one.speaks) {
    case protocol::echo: one.echoes.push_back({buffer, size}); break;
    case protocol::http: ++one.answers; break;
    case protocol::download: count_length(one, bytes); break;
    case protocol::upload:
        count_length(one, bytes);
        one.left -= std::min<std::uint64_t>(one.left, bytes.size());
        break;
    }
    if (one.speaks != protocol::echo)
        buffers_of(one).give_back(buffer);
    send_more(one);
}

void plain_server::accepted(peer& listener, const io_uring_cqe& completion)
{
    if (!(completion.flags & IORING_CQE_F_MORE))
        accept(listener);
    if (completion.res < 0)
        return;
    const int on = 1;
    setsockopt(completion.res, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer* const one = new peer;  // it goes with its last completion
    one->descriptor = completion.res;
    one->speaks = listener.speaks;
    receive(*one);
}

void plain_server::received(peer& one, const io_uring_cqe& completion)
{
    one.receives = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (completion.flags & IORING_CQE_F_BUFFER) {
        const unsigned buffer = completion.flags >> IORING_CQE_BUFFER_SHIFT;
        if (completion.res > 0 && !one.ended)
            take(one, buffer, static_cast<std::size_t>(completion.res));
        else
            buffers_of(one).give_back(buffer);
    }
    if (completion.res == -ENOBUFS || (completion.res > 0 && !one.receives && !one.ended))
        receive(one);
    else if (completion.res <= 0)
        one.ended = true;
}

void plain_server::sent(peer& one, int result)
{
    one.sends = false;
    if (result < 0) {
        one.ended = true;
        shutdown(one.descriptor, SHUT_RDWR);  // ends the receive
    } else if (one.speaks == protocol::download) {
        one.left -= static_cast<std::uint64_t>(result);
        if (one.left == 0)
            one.length_read = 0;
    } else if (one.speaks == protocol::echo) {
        echoed& first = one.echoes.front();
        first.sent += static_cast<std::size_t>(result);
        if (first.sent == first.size) {
            small_->give_back(first.buffer);
            one.echoes.pop_front();
        }
    }
    send_more(one);
}

void plain_server::complete(const io_uring_cqe& completion)
{
    peer& one = *reinterpret_cast<peer*>(completion.user_data & ~event_bits);
    switch (static_cast<event>(completion.user_data & event_bits)) {
    case event::accepted: accepted(one, completion); return;
    case event::received: received(one, completion); break;
    case event::sent: sent(one, completion.res); break;
    }
    if (one.ended && !one.receives && !one.sends) {
        for (const echoed& unsent : one.echoes)
            small_->give_back(unsent.buffer);
        close(one.descriptor);
        delete &one;
    }
}

void plain_server::run()
{
    std::array<io_uring_cqe*, 256> ready;
    for (;;) {
        const int result = io_uring_submit_and_wait(&ring_, 1);
        if (result < 0 && result != -EINTR && result != -EBUSY) {
            errno = -result;
            throw system_failure("io_uring_enter");
        }
        unsigned count;
        while ((count = io_uring_peek_batch_cqe(&ring_, ready.data(), ready.size())) != 0) {
            for (const io_uring_cqe* completion : std::span(ready).first(count))
                complete(*completion);
            io_uring_cq_advance(&ring_, count);
        }
    }
}

}  // namespace

void serve_plain_uring(const server_settings& settings)
{
    plain_server(settings.port).run();
}

}  // namespace bench
