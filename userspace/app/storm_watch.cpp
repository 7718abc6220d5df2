#include "app/storm_watch.h"

#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kLookNs = 1'000'000'000;
/// A second. Some host is never quite still: a few are no storm.
constexpr std::uint64_t kFewEvents = 2000;
/// What waits longest is a RST that nobody received: 3 s.
constexpr std::uint64_t kQuietNs = 4'000'000'000;

}  // namespace

bool StormWatch::is_over(Ktime now, std::uint64_t events) {
    if (now < looked_ + kLookNs) return false;
    looked_ = now;
    if (events - std::exchange(events_, events) > kFewEvents) last_storm_ = now;
    if (!last_storm_.known() || now < last_storm_ + kQuietNs) return false;
    last_storm_ = {};
    return true;
}

}  // namespace pipetrace
