#include "bench/load/storm.hpp"

#include <sched.h>

namespace bench {
namespace {

scenario reconnects_of(scenario of)
{
    of.kind = scenario_kind::handshake;
    of.connections = storm::connections;
    of.size = 0;
    return of;
}

}  // namespace

storm::storm(const scenario& of, const target& to) : load_(reconnects_of(of), to), thread_([this] { run(); }) {}

storm::~storm()
{
    ends_ = true;
    if (thread_.joinable())
        thread_.join();
}

void storm::end()
{
    ends_ = true;
    thread_.join();
    if (failure_)
        std::rethrow_exception(failure_);
}

void storm::run()
{
    const sched_param none = {};
    sched_setscheduler(0, SCHED_IDLE, &none);  // of this thread alone
    try {
        load_.open();
        while (!ends_) {
            load_.run(std::chrono::milliseconds(1));
            done_ = static_cast<std::size_t>(load_.done());
        }
    } catch (...) {
        failure_ = std::current_exception();
    }
}

}  // namespace bench
