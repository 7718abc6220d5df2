// A program started for the trace: held until tracing has begun, then it runs as if our caller had
// started it.
#pragma once

#include "app/signal_guard.h"
#include "model/process.h"
#include "model/result.h"

#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// The user that --run-as names.
struct UserIdentity {
    std::string name;
    unsigned uid = 0;
    unsigned gid = 0;
};
Result<UserIdentity> find_user(const std::string& name);

class ChildProcess {
public:
    /// Forks; the child waits for start(). The signal guard's caller state is given back to it.
    static Result<ChildProcess> hold(const std::vector<std::string>& argv, const SignalGuard& signals,
                                     const std::optional<UserIdentity>& user);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&&) = delete;
    ~ChildProcess();

    Tgid tgid() const { return static_cast<Tgid>(pid_); }
    /// Readable when it has ended.
    int pidfd() const { return pidfd_; }

    /// Lets it run. What exec said: 0, or the errno it failed with.
    int start();

    /// Sends a signal if it still runs.
    void signal(int number) const;

    /// Waits for its end: the status a shell would show, 128 + n for a signal.
    int wait();

private:
    ChildProcess() = default;

    int pid_ = -1;
    int pidfd_ = -1;
    int go_fd_ = -1;
    int exec_error_fd_ = -1;
};

}  // namespace pipetrace
