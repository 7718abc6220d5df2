// The tracer's own signals: SIGINT, SIGTERM and SIGHUP are read from a descriptor, SIGPIPE is ignored, and
// a program that we start gets back what our caller had.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>

namespace pipetrace {

class SignalGuard {
public:
    SignalGuard();
    ~SignalGuard();
    SignalGuard(const SignalGuard&) = delete;
    SignalGuard& operator=(const SignalGuard&) = delete;

    /// Readable when a signal waits.
    int fd() const { return fd_; }

    struct Received {
        int number = 0;
        bool from_terminal = false;  ///< every process of the foreground group got it too
    };
    std::optional<Received> take();

    /// In a child, before exec.
    void restore() const;

private:
    int fd_ = -1;
    sigset_t callers_mask_{};
    struct sigaction callers_sigpipe_ {};
};

}  // namespace pipetrace
