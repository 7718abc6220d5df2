#include "export/service_notifier.h"

#include "export/systemd_library.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace pipetrace {
namespace {

/// A status is one line; whatever stands in it ends none of ours.
std::string one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return text;
}

/// RELOADING=1 wants the time at which it was sent, by CLOCK_MONOTONIC.
std::uint64_t monotonic_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

ServiceNotifier::ServiceNotifier() {
    const auto watchdog_enabled = SystemdLibrary::get().watchdog_enabled;
    std::uint64_t interval_us = 0;
    if (watchdog_enabled != nullptr && watchdog_enabled(0, &interval_us) > 0)
        beat_interval_ = std::chrono::microseconds(interval_us) / 2;
}

void ServiceNotifier::send(const std::string& message) const {
    const auto notify = SystemdLibrary::get().notify;
    if (notify != nullptr) notify(0, message.c_str());
}

void ServiceNotifier::ready(const std::string& status) { send("READY=1\nSTATUS=" + one_line(status)); }

void ServiceNotifier::reloading() { send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us())); }

void ServiceNotifier::status(const std::string& text) { send("STATUS=" + one_line(text)); }

void ServiceNotifier::stopping() { send("STOPPING=1"); }

void ServiceNotifier::beat(Clock::time_point now) {
    if (!beat_interval_ || (last_beat_ && now < *last_beat_ + *beat_interval_)) return;
    last_beat_ = now;
    send("WATCHDOG=1");
}

}  // namespace pipetrace
