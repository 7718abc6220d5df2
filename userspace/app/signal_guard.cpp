#include "app/signal_guard.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace pipetrace {

SignalGuard::SignalGuard() {
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &ours, &callers_mask_);
    fd_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &callers_sigpipe_);
}

SignalGuard::~SignalGuard() {
    if (fd_ >= 0) ::close(fd_);
}

std::optional<SignalGuard::Received> SignalGuard::take() {
    signalfd_siginfo info{};
    if (::read(fd_, &info, sizeof(info)) != sizeof(info)) return std::nullopt;
    // Sent by the kernel for a key: SI_KERNEL; by kill(): SI_USER and below.
    return Received{static_cast<int>(info.ssi_signo), info.ssi_code > 0};
}

void SignalGuard::restore() const {
    ::sigaction(SIGPIPE, &callers_sigpipe_, nullptr);
    ::sigprocmask(SIG_SETMASK, &callers_mask_, nullptr);
}

}  // namespace pipetrace
