// What the service manager is told (sd_notify(3)): ready, reloading, alive, ending. Does nothing where none
// asked for it, by NOTIFY_SOCKET and WATCHDOG_USEC in the environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

class ServiceNotifier {
public:
    using Clock = std::chrono::steady_clock;

    ServiceNotifier();

    void ready(const std::string& status);
    /// Between this and the next ready(), of one reload.
    void reloading();
    void status(const std::string& text);
    void stopping();

    /// From the loop that must not hang: alive, told at half of the time that the manager waits.
    void beat(Clock::time_point now);

private:
    void send(const std::string& message) const;

    std::optional<Clock::duration> beat_interval_;
    std::optional<Clock::time_point> last_beat_;
};

}  // namespace pipetrace
