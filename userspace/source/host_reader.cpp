// uname(2), /proc and the clocks.
#include "source/host_reader.h"

#include "source/file_reader.h"
#include "source/namespaces.h"
#include "source/unique_fd.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <ctime>

namespace pipetrace {
namespace {

constexpr int kClockSamples = 5;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::int64_t read_clock_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::int64_t>(now.tv_sec) * kNsPerSecond + now.tv_nsec;
}

/// CLOCK_REALTIME minus `clock`, from the sample that was least disturbed.
std::int64_t wall_minus(clockid_t clock) {
    std::int64_t best_span = -1;
    std::int64_t offset = 0;
    for (int i = 0; i < kClockSamples; ++i) {
        const auto before = read_clock_ns(clock);
        const auto wall = read_clock_ns(CLOCK_REALTIME);
        const auto after = read_clock_ns(clock);
        if (best_span >= 0 && after - before >= best_span) continue;
        best_span = after - before;
        offset = wall - (before + best_span / 2);
    }
    return offset;
}

/// Where ours is a container's: what kthreadd's namespace has, the kernel's first; else what the host's root
/// says it is called.
std::string read_host_name(const utsname& own) {
    if (is_in_first(Namespace::kUts) || !is_in_first(Namespace::kPid)) return own.nodename;
    const UniqueFd back(::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
    const UniqueFd first(::open("/proc/2/ns/uts", O_RDONLY | O_CLOEXEC));
    if (back && first && ::setns(first.get(), CLONE_NEWUTS) == 0) {
        utsname host{};
        ::uname(&host);
        ::setns(back.get(), CLONE_NEWUTS);
        return host.nodename;
    }
    for (const char* file : {"/proc/1/root/etc/hostname", "/proc/2/root/etc/hostname"}) {
        const auto named = read_first_line(file);
        if (named && !named->empty()) return *named;
    }
    return own.nodename;
}

}  // namespace

HostIdentity read_host_identity() {
    utsname host{};
    ::uname(&host);
    // Once: it takes rights that may be given up later.
    static const std::string name = read_host_name(host);
    return HostIdentity{name, read_first_line("/proc/sys/kernel/random/boot_id").value_or(""), host.release};
}

ClockOffsets read_clock_offsets() {
    return ClockOffsets{wall_minus(CLOCK_MONOTONIC), wall_minus(CLOCK_BOOTTIME)};
}

bool follow_clocks(ClockOffsets& clocks) {
    constexpr std::int64_t kNoticedNs = 1'000'000;
    const ClockOffsets now = read_clock_offsets();
    const auto differ = [](std::int64_t a, std::int64_t b) { return std::abs(a - b) >= kNoticedNs; };
    const bool changed = differ(now.wall_minus_ktime_ns, clocks.wall_minus_ktime_ns) ||
                         differ(now.wall_minus_boottime_ns, clocks.wall_minus_boottime_ns);
    if (changed) clocks = now;
    return changed;
}

Ktime read_ktime() { return Ktime{static_cast<std::uint64_t>(read_clock_ns(CLOCK_MONOTONIC))}; }

}  // namespace pipetrace
