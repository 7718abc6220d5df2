#include "app/child_process.h"

#include "app/commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

Error failure(const char* what) {
    return Error{what, std::strerror(errno), "Free some processes or descriptors and try again."};
}

bool become(const UserIdentity& user) {
    return ::initgroups(user.name.c_str(), user.gid) == 0 && ::setgid(user.gid) == 0 &&
           ::setuid(user.uid) == 0;
}

[[noreturn]] void run_child(const std::vector<std::string>& argv, const SignalGuard& signals,
                            const std::optional<UserIdentity>& user, int go_fd, int error_fd) {
    std::vector<char*> arguments;
    for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    char go = 0;
    ssize_t got = 0;
    do {
        got = ::read(go_fd, &go, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) ::_exit(kStatusRunFailed);  // the tracer gave up
    signals.restore();
    int error = 0;
    if (user && !become(*user)) {
        error = errno;
    } else {
        ::execvp(arguments[0], arguments.data());
        error = errno;
    }
    [[maybe_unused]] const auto written = ::write(error_fd, &error, sizeof(error));
    ::_exit(error == ENOENT ? kStatusNotFound : kStatusNotExecutable);
}

void close_if_open(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

}  // namespace

Result<UserIdentity> find_user(const std::string& name) {
    errno = 0;
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr) {
        return Error{fmt::format("cannot run as {}", name),
                     errno != 0 ? std::strerror(errno) : "there is no such user",
                     "Name a user that `getent passwd` lists."};
    }
    return UserIdentity{name, entry->pw_uid, entry->pw_gid};
}

Result<ChildProcess> ChildProcess::hold(const std::vector<std::string>& argv, const SignalGuard& signals,
                                        const std::optional<UserIdentity>& user) {
    int go[2];
    int error[2];
    if (::pipe2(go, O_CLOEXEC) != 0) return failure("cannot make a pipe");
    if (::pipe2(error, O_CLOEXEC) != 0) {
        ::close(go[0]);
        ::close(go[1]);
        return failure("cannot make a pipe");
    }
    ChildProcess child;
    child.pid_ = ::fork();
    if (child.pid_ == 0) {
        ::close(go[1]);
        ::close(error[0]);
        run_child(argv, signals, user, go[0], error[1]);
    }
    ::close(go[0]);
    ::close(error[1]);
    child.go_fd_ = go[1];
    child.exec_error_fd_ = error[0];
    if (child.pid_ < 0) return failure("cannot fork");
    child.pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0));
    if (child.pidfd_ < 0) return failure("cannot watch the program");
    return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      go_fd_(std::exchange(other.go_fd_, -1)),
      exec_error_fd_(std::exchange(other.exec_error_fd_, -1)) {}

/// A held child sees the end of its pipe and leaves by itself.
ChildProcess::~ChildProcess() {
    const bool held = go_fd_ >= 0;
    close_if_open(go_fd_);
    close_if_open(exec_error_fd_);
    if (held && pid_ > 0) ::waitpid(pid_, nullptr, 0);
    close_if_open(pidfd_);
}

int ChildProcess::start() {
    const char go = 'g';
    [[maybe_unused]] const auto written = ::write(go_fd_, &go, 1);
    close_if_open(go_fd_);
    int error = 0;
    ssize_t got = 0;
    do {
        got = ::read(exec_error_fd_, &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    close_if_open(exec_error_fd_);
    return got == sizeof(error) ? error : 0;
}

void ChildProcess::signal(int number) const {
    if (pid_ > 0) ::syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
}

int ChildProcess::wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace pipetrace
