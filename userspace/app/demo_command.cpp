// `pipetrace demo`: the classic broken pipe between two processes of its own, on loopback, explained.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/trace_session.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace pipetrace {
namespace {

constexpr unsigned kGiveUpSeconds = 20;
constexpr int kPauseMs = 500;
constexpr int kResetWaitMs = 2000;

/// Two processes that wait for the trace to begin, and the pipe that lets them go.
struct Players {
    int server = -1;
    int client = -1;
    int client_pidfd = -1;
    int go_fd = -1;
};

void leave_if(bool failed) {
    if (failed) ::_exit(kStatusFailed);
}

void wait_for_go(int fd) {
    char go = 0;
    leave_if(::read(fd, &go, 1) != 1);
}

/// accept, read, close: the server of the story.
[[noreturn]] void serve(int listener, int go_fd) {
    ::prctl(PR_SET_NAME, "demo-server");
    ::alarm(kGiveUpSeconds);
    wait_for_go(go_fd);
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    leave_if(connection < 0);
    std::array<char, 16> buffer{};
    leave_if(::recv(connection, buffer.data(), buffer.size(), 0) <= 0);
    ::close(connection);
    ::_exit(kStatusDone);
}

/// send, pause, send, send: it never looks whether the server is still there.
[[noreturn]] void write_on(const sockaddr_in& server, int go_fd, const SignalGuard& signals) {
    ::prctl(PR_SET_NAME, "demo-client");
    ::alarm(kGiveUpSeconds);
    signals.restore();
    std::signal(SIGPIPE, SIG_DFL);
    wait_for_go(go_fd);
    const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    leave_if(::connect(connection, reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0);
    leave_if(::send(connection, "hello", 5, 0) != 5);
    ::poll(nullptr, 0, kPauseMs);
    leave_if(::send(connection, "hello", 5, 0) != 5);
    pollfd reset{connection, 0, 0};  // POLLHUP or POLLERR is reported unasked
    ::poll(&reset, 1, kResetWaitMs);
    ::send(connection, "hello", 5, 0);  // SIGPIPE ends the process here
    ::_exit(kStatusFailed);
}

Error demo_failure(const char* what) {
    return {what, std::strerror(errno), "The demo needs the loopback interface: `ip link set lo up`."};
}

Result<Players> bring_players(const SignalGuard& signals) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener < 0 || ::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, generic, &size) != 0) {
        return demo_failure("cannot listen on 127.0.0.1");
    }
    int go[2];
    if (::pipe2(go, O_CLOEXEC) != 0) return demo_failure("cannot make a pipe");
    Players players;
    players.server = ::fork();
    if (players.server == 0) {
        ::close(go[1]);
        serve(listener, go[0]);
    }
    players.client = ::fork();
    if (players.client == 0) {
        ::close(go[1]);
        ::close(listener);
        write_on(address, go[0], signals);
    }
    ::close(listener);
    ::close(go[0]);
    players.go_fd = go[1];
    if (players.server < 0 || players.client < 0) return demo_failure("cannot fork");
    players.client_pidfd = static_cast<int>(::syscall(SYS_pidfd_open, players.client, 0));
    if (players.client_pidfd < 0) return demo_failure("cannot watch the client");
    return players;
}

void see_off(const Players& players) {
    ::close(players.client_pidfd);
    ::waitpid(players.client, nullptr, 0);
    ::waitpid(players.server, nullptr, 0);
}

}  // namespace

int demo_command(const Options& options) {
    SignalGuard signals;
    // Before anything is opened that they would inherit.
    auto players = bring_players(signals);
    if (!players) {
        report_error(players.error());
        return kStatusFailed;
    }
    TraceSession::Settings settings;
    settings.options = options;
    settings.target.command = "the demo";
    auto session = TraceSession::open(std::move(settings));
    if (!session) {
        report_error(session.error());
        ::close(players->go_fd);
        see_off(*players);
        return kStatusFailed;
    }
    const auto client = static_cast<Tgid>(players->client);
    if (const Status watched = (*session)->source().watch(client, true); !watched) {
        report_error(watched.error());
        return kStatusFailed;
    }
    (*session)->pipeline().trace_process(client);
    (*session)->announce();
    [[maybe_unused]] const auto written = ::write(players->go_fd, "gg", 2);
    ::close(players->go_fd);
    TraceSession::Watch watch;
    watch.fd = players->client_pidfd;
    watch.on_ready = [] { return true; };
    (*session)->run_until_end(signals, watch);
    see_off(*players);
    const SessionResult result = (*session)->finish();
    if (result.failed) return kStatusFailed;
    if (result.shown > 0) return kStatusDone;
    report_error({"the demo's broken pipe was not seen", "the kernel programs reported nothing of it",
                  "`pipetrace doctor` lists what this kernel allows."});
    return kStatusFailed;
}

}  // namespace pipetrace
