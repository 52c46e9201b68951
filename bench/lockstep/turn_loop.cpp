#include "bench/lockstep/turn_loop.hpp"

#include "bench/lockstep/turn_ring.hpp"

#include <memory>
#include <utility>

namespace bench::lockstep {
namespace {

std::unique_ptr<turn_ring> make_ring(turn_ring*& made)
{
    const coil::loop_options standard;
    auto ring = std::make_unique<turn_ring>(
        coil::internal::make_ring({.submission_entries = standard.submission_entries,
                                          .completion_entries = standard.completion_entries,
                                          .receive_buffers = standard.receive_buffers,
                                          .receive_buffer_size = standard.receive_buffer_size}));
    made = ring.get();
    return ring;
}

}  // namespace

turn_loop::turn_loop() : ring_(nullptr), loop_(make_ring(ring_)) {}

turn_loop::~turn_loop() = default;

void turn_loop::begin(std::function<bool()> turn)
{
    ring_->begin(std::move(turn));
}

void turn_loop::run(coil::task<> main)
{
    loop_.run(std::move(main));
}

}  // namespace bench::lockstep
