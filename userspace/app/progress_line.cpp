#include "app/progress_line.h"

#include "app/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace pipetrace {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kInterval{100};
/// What is done sooner needs no line.
constexpr std::chrono::milliseconds kPatience{300};

}  // namespace

ProgressLine::ProgressLine(std::string work, std::uint64_t total, bool wanted)
    : work_(std::move(work)),
      total_(std::max<std::uint64_t>(total, 1)),
      wanted_(wanted && is_capable_terminal(STDERR_FILENO)),
      next_(Clock::now() + kPatience) {}

void ProgressLine::add(std::uint64_t done) {
    done_ += done;
    if (!wanted_ || Clock::now() < next_) return;
    next_ = Clock::now() + kInterval;
    const std::uint64_t percent = std::min(done_, total_) * 100 / total_;
    print_to_stderr(fmt::format("\r{} {} %\x1b[K", work_, percent));
    is_shown_ = true;
}

void ProgressLine::clear() {
    if (std::exchange(is_shown_, false)) print_to_stderr("\r\x1b[K");
}

}  // namespace pipetrace
