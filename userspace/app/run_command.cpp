// `pipetrace run -- CMD`: CMD behaves as if it had been started without us; its status is ours.
#include "app/child_process.h"
#include "app/commands.h"
#include "app/error_report.h"
#include "app/trace_session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pipetrace {
namespace {

/// CMD's pipes must end when CMD ends, not when we do.
void let_go_of_standard_streams() {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0) return;
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    ::close(nothing);
}

int report_exec_failure(const std::string& program, int error) {
    report_error({fmt::format("cannot run {}", program), std::strerror(error),
                  error == ENOENT ? "Check the name, or give its path." : "Check that it may be executed."});
    return error == ENOENT ? kStatusNotFound : kStatusNotExecutable;
}

int run_held(const Options& options, ChildProcess& child, TraceSession& session, SignalGuard& signals) {
    if (const Status watched = session.source().watch(child.tgid(), options.filter.follow_children);
        !watched) {
        report_error(watched.error());
        return kStatusRunFailed;
    }
    session.pipeline().trace_process(child.tgid());
    session.announce();
    // Before CMD begins: what it closes then must be closed.
    let_go_of_standard_streams();
    const int exec_error = child.start();
    if (exec_error != 0) {
        const int status = report_exec_failure(options.run_argv.front(), exec_error);
        child.wait();
        return status;
    }
    TraceSession::Watch watch;
    watch.fd = child.pidfd();
    watch.on_ready = [] { return true; };
    // A key pressed reaches CMD by itself; what is sent to us alone is passed on. CMD decides.
    watch.on_signal = [&](SignalGuard::Received received) {
        if (!received.from_terminal) child.signal(received.number);
        return false;
    };
    session.run_until_end(signals, watch);
    const int status = child.wait();
    // A stderr that cannot be written to is CMD's affair; a file that the user named is ours.
    const bool failed = session.finish().failed && options.output_path;
    return failed ? kStatusRunFailed : status;
}

}  // namespace

int run_command(const Options& options) {
    SignalGuard signals;
    std::optional<UserIdentity> user;
    if (options.run_as) {
        auto found = find_user(*options.run_as);
        if (!found) {
            report_error(found.error());
            return kStatusRunFailed;
        }
        user = *found;
    }
    TraceSession::Settings settings;
    settings.options = options;
    settings.target = TraceTarget{{}, options.filter.follow_children, options.run_argv.front()};
    settings.default_output_fd = STDERR_FILENO;
    auto session = TraceSession::open(std::move(settings));
    if (!session) {
        report_error(session.error());
        return kStatusRunFailed;
    }
    auto child = ChildProcess::hold(options.run_argv, signals, user);
    if (!child) {
        report_error(child.error());
        return kStatusRunFailed;
    }
    return run_held(options, *child, **session, signals);
}

}  // namespace pipetrace
