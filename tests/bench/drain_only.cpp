// The floor of a collector: pipetrace's own kernel programs, and a reader that makes nothing of their
// records.
//
// usage: drain_only exact|inferred
#include "app/precedence.h"
#include "app/signal_guard.h"
#include "source/kernel_source.h"

#include <poll.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

using pipetrace::KernelSource;

std::uint64_t lost_by(const KernelSource& source) {
    std::uint64_t lost = 0;
    for (const auto& [kind, count] : source.losses()) lost += count;
    return lost;
}

int drain_until_signalled(KernelSource& source, pipetrace::SignalGuard& signals) {
    pipetrace::take_precedence(pipetrace::kCollectorNice);
    std::uint64_t events = 0;
    for (bool ending = false; !ending;) {
        std::array<pollfd, 1> others{pollfd{signals.fd(), POLLIN, 0}};
        source.wait(std::chrono::milliseconds{1000}, others);
        events += source.drain([](std::span<const std::byte>) {});
        ending = (others[0].revents & POLLIN) != 0;
    }
    source.detach();
    events += source.drain([](std::span<const std::byte>) {});
    std::fprintf(stderr, "%llu events read, %llu lost\n", static_cast<unsigned long long>(events),
                 static_cast<unsigned long long>(lost_by(source)));
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    const bool is_exact = count == 2 && std::strcmp(arguments[1], "exact") == 0;
    if (!is_exact && (count != 2 || std::strcmp(arguments[1], "inferred") != 0)) {
        std::fputs("usage: drain_only exact|inferred\n", stderr);
        return 2;
    }
    pipetrace::SignalGuard signals;
    const auto errors = is_exact ? pipetrace::ErrorsMode::kExact : pipetrace::ErrorsMode::kInferred;
    auto source = KernelSource::open({{}, errors, true, {}});
    if (!source) {
        std::fprintf(stderr, "drain_only: %s: %s\n", source.error().what.c_str(), source.error().why.c_str());
        return 1;
    }
    std::fputs("ready\n", stderr);
    return drain_until_signalled(**source, signals);
}
