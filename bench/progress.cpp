#include "bench/progress.hpp"

#include <cstdio>

#include <unistd.h>

namespace bench {

progress::progress(std::size_t steps) : steps_(steps), terminal_(isatty(STDERR_FILENO) == 1) {}

void progress::show(const std::string& what)
{
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    const std::size_t done = begun_++;
    if (!terminal_)
        return;
    std::string left;
    if (done > 0) {
        const double seconds = passed.count() / static_cast<double>(done) * static_cast<double>(steps_ - done);
        left = ", " + std::to_string(static_cast<int>(seconds + 1)) + " s left";
    }
    std::fprintf(stderr, "\r\033[K%zu/%zu %s%s", begun_, steps_, what.c_str(), left.c_str());
}

void progress::clear()
{
    if (terminal_)
        std::fputs("\r\033[K", stderr);
}

}  // namespace bench
