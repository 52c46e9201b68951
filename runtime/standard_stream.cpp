#include <coil/runtime/standard_stream.hpp>

#include <coil/runtime/internal/ring/descriptors.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <poll.h>

namespace coil {
namespace {

using internal::opcode;
using internal::request;

constexpr std::uint64_t current_position = static_cast<std::uint64_t>(-1);

/// Not one of the first three: what this program starts would take it for a standard stream.
result<file> duplicate_of(int descriptor) noexcept
{
    const int copy = internal::duplicate(descriptor);
    if (copy < 0)
        return error_from_errno(errno);
    return file(copy);
}

/// A terminal knows of no call that must not wait: the kernel would wait in it while the loop hands over its requests, and the
/// loop would stand still.
bool is_terminal(const result<file>& stream) noexcept
{
    return stream && internal::is_terminal(stream->descriptor());
}

/// Where the kernel puts the bytes. The reader may be gone when they come.
struct input_memory final : internal::operation_memory {
    explicit input_memory(std::size_t wanted) : piece(internal::chunk::allocate(wanted)) {}
    ~input_memory() override
    {
        if (piece)
            piece->release();
    }

    internal::chunk* piece;
};

/// Non-blocking descriptors do not wait in the ring either.
class poll_wait final : public internal::operation_wait {
public:
    poll_wait(int descriptor, short events) noexcept
        : operation_wait({.code = opcode::poll, .fd = descriptor, .option = static_cast<std::uint32_t>(events)})
    {
    }
    result<> await_resume() const noexcept { return error_from_errno(outcome() < 0 ? -outcome() : 0); }
};

}  // namespace

namespace internal {

input_wait::~input_wait()
{
    if (!from_ || from_->waiting_ != this)
        return;
    from_->waiting_ = nullptr;
    from_->operation_.cancel();
}

bool input_wait::begin(std::coroutine_handle<> awaiting, stop_token token)
{
    if (token.stop_requested())
        why_ = errc::canceled;
    else if (!from_->stream_)
        why_ = from_->stream_.error();
    else if (from_->waiting_)
        why_ = errc::already_in_progress;
    else if (from_->kept_.empty() && from_->kept_end_)
        why_ = *std::exchange(from_->kept_end_, std::nullopt);
    if (why_ || !from_->kept_.empty())
        return false;
    from_->waiting_ = this;
    wait_with(awaiting, token);
    if (!from_->operation_.pending())
        from_->start_reading();
    return true;
}

void input_wait::stopped() noexcept
{
    stopping_ = true;
    from_->operation_.cancel();
}

result<std::size_t> input_wait::await_resume() noexcept
{
    if (from_ && from_->waiting_ == this)
        from_->waiting_ = nullptr;
    if (why_)
        return why_;
    std::size_t copied = 0;
    while (copied < buffer_.size() && !from_->kept_.empty()) {
        const std::span<const std::byte> run = from_->kept_.front();
        const std::size_t size = std::min(run.size(), buffer_.size() - copied);
        std::memcpy(buffer_.data() + copied, run.data(), size);
        from_->kept_.consume(size);
        copied += size;
    }
    return copied;
}

}  // namespace internal

standard_input::standard_input(int descriptor) noexcept
    : stream_(duplicate_of(descriptor)), is_terminal_(is_terminal(stream_))
{
}

standard_input::~standard_input()
{
    if (!waiting_)
        return;
    waiting_->from_ = nullptr;
    waiting_->why_ = errc::destroyed;
    if (operation_.pending())
        waiting_->resume_later();  // otherwise it is on its way
}

void standard_input::start_reading() noexcept
{
    polling_ = false;
    auto memory = std::make_unique<input_memory>(waiting_->buffer_.size());
    const std::span<std::byte> room = memory->piece->room();
    const request wanted{.code = opcode::read,
                         .fd = stream_->descriptor(),
                         .address = room.data(),
                         .length = static_cast<std::uint32_t>(std::min(room.size(), waiting_->buffer_.size())),
                         .option = is_terminal_,
                         .offset = current_position};
    operation_.start(wanted, *this, std::move(memory));
}

void standard_input::start_polling() noexcept
{
    polling_ = true;
    operation_.start({.code = opcode::poll, .fd = stream_->descriptor(), .option = POLLIN}, *this);
}

void standard_input::complete(const internal::completion& what, internal::operation_memory* memory) noexcept
{
    if (!polling_ && what.result > 0) {
        internal::chunk* const piece = std::exchange(static_cast<input_memory*>(memory)->piece, nullptr);
        piece->fill(static_cast<std::size_t>(what.result));
        kept_.append(piece);
        end({});
        return;
    }
    const bool nothing_came = what.result == -ECANCELED || what.result == -EAGAIN || (polling_ && what.result > 0);
    if (!nothing_came)
        end(what.result == 0 ? make_error_code(errc::end_of_stream) : error_from_errno(-what.result));
    else if (waiting_ && waiting_->stopping_)
        end(errc::canceled);
    else if (waiting_ && what.result == -EAGAIN)
        start_polling();
    else if (waiting_)
        start_reading();  // what was cancelled was the read of another, who is gone
}

void standard_input::end(std::error_code why) noexcept
{
    if (waiting_)
        waiting_->end(why);
    else if (why)
        kept_end_ = why;
}

standard_output::standard_output(int descriptor) noexcept
    : stream_(duplicate_of(descriptor)), is_terminal_(is_terminal(stream_))
{
}

task<result<std::size_t>> standard_output::write(std::span<const std::byte> bytes)
{
    const result<mutex::guard> alone = co_await writing_.lock();
    if (!alone)
        co_return alone.error();
    if (!stream_)
        co_return stream_.error();
    std::size_t done = 0;
    std::error_code failure;
    while (done < bytes.size() && !failure) {
        const std::span<const std::byte> left = bytes.subspan(done);
        internal::transfer_wait writing(
            request{.code = opcode::write,
                    .fd = stream_->descriptor(),
                    .address = left.data(),
                    .length = static_cast<std::uint32_t>(std::min<std::size_t>(left.size(), 1U << 30)),
                    .option = is_terminal_,
                    .offset = current_position});
        const result<std::size_t> written = co_await writing;
        done += written ? *written : 0;
        failure = written.error();
        if (failure == std::error_code(EAGAIN, std::system_category())) {
            poll_wait room(stream_->descriptor(), POLLOUT);
            const result<> waited = co_await room;
            failure = waited.error();
        }
    }
    if (failure && (failure != errc::canceled || done == 0))
        co_return failure;
    co_return done;
}

task<result<std::size_t>> standard_output::write(std::string_view text)
{
    return write(std::as_bytes(std::span(text)));
}

}  // namespace coil
