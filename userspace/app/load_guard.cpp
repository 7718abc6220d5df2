#include "app/load_guard.h"

#include <sys/random.h>

#include <cmath>
#include <ctime>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kWindowNs = 100'000'000;
/// While load is shed, how much was only counted is told so often.
constexpr std::uint64_t kStatedNs = 1'000'000'000;

/// Of all threads.
std::uint64_t processor_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

/// Nobody outside may choose who is told of. Without randomness (never after boot) anybody may.
std::uint64_t secret() {
    std::uint64_t number = 0;
    [[maybe_unused]] const ssize_t got = ::getrandom(&number, sizeof(number), GRND_NONBLOCK);
    return number;
}

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

LoadGuard::LoadGuard(CorrelatorConfig config, ShedTally::Sink sink, ShedTally::Met met,
                     ConnectionSampler::OnEvicted on_evicted)
    : shedder_(std::move(config), secret(), std::move(sink), std::move(met), std::move(on_evicted)),
      used_ns_(processor_ns()) {}

SamplingChanged LoadGuard::state() const {
    const double millionths = std::round(shedder_.share() * SamplingChanged::kAllMillionths);
    return {static_cast<std::uint32_t>(millionths), shedder_.tally().incidents()};
}

std::optional<SamplingChanged> LoadGuard::look(Ktime now, std::uint64_t events, std::size_t stories_waiting) {
    shedder_.advance_to(now);
    if (now < looked_ + kWindowNs) return std::nullopt;
    const std::uint64_t used_ns = processor_ns();
    LoadBudget::Window window;
    window.seconds = seconds(now.ns - looked_.ns);
    window.processor_seconds = seconds(used_ns - used_ns_);
    window.events = events - events_;
    window.stories_begun =
        static_cast<std::int64_t>(stories_waiting) - static_cast<std::int64_t>(stories_waiting_);
    const bool is_first = !looked_.known();
    looked_ = now;
    used_ns_ = used_ns;
    events_ = events;
    stories_waiting_ = stories_waiting;
    if (is_first) return std::nullopt;
    const double before = shedder_.share();
    // As it is told: in millionths.
    const double share = budget_.next_share(window);
    shedder_.set_share(std::ceil(share * SamplingChanged::kAllMillionths) / SamplingChanged::kAllMillionths);
    const bool is_due = shedder_.share() < 1 && now >= stated_ + kStatedNs;
    if (shedder_.share() == before && !is_due) return std::nullopt;
    stated_ = now;
    return state();
}

}  // namespace pipetrace
