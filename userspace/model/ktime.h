// Clocks. Decisions use only Ktime, the kernel's CLOCK_MONOTONIC as BPF programs
// stamp it; WallTime exists for people and JSON and is derived from it once.
#pragma once

#include <compare>
#include <cstdint>

namespace pipetrace {

/// Kernel monotonic time, nanoseconds. 0 means "not known".
struct Ktime {
    std::uint64_t ns = 0;

    constexpr bool known() const { return ns != 0; }
    constexpr auto operator<=>(const Ktime&) const = default;
};

/// later - earlier in microseconds, rounded towards zero; negative if swapped.
constexpr std::int64_t microseconds_between(Ktime earlier, Ktime later) {
    return (static_cast<std::int64_t>(later.ns) - static_cast<std::int64_t>(earlier.ns)) / 1000;
}

constexpr Ktime operator+(Ktime at, std::uint64_t ns) { return Ktime{at.ns + ns}; }
constexpr Ktime operator-(Ktime at, std::uint64_t ns) { return Ktime{at.ns > ns ? at.ns - ns : 0}; }

/// UTC nanoseconds since the epoch.
struct WallTime {
    std::int64_t ns = 0;

    constexpr auto operator<=>(const WallTime&) const = default;
};

/// How this host's clocks relate, measured once when tracing starts.
struct ClockOffsets {
    std::int64_t wall_minus_ktime_ns = 0;
    std::int64_t wall_minus_boottime_ns = 0;

    constexpr WallTime wall(Ktime at) const {
        return WallTime{static_cast<std::int64_t>(at.ns) + wall_minus_ktime_ns};
    }
    constexpr WallTime wall_of_boottime(std::uint64_t boottime_ns) const {
        return WallTime{static_cast<std::int64_t>(boottime_ns) + wall_minus_boottime_ns};
    }
};

}  // namespace pipetrace
