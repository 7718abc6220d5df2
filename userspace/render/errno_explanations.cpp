// The errnos that a dead connection or pipe is told by, and the fates of SIGPIPE.
#include "render/explanation_tables.h"

namespace pipetrace {
namespace {

constexpr ExplanationKind kErrno = ExplanationKind::kErrno;
constexpr ExplanationKind kSigpipe = ExplanationKind::kSigpipe;

constexpr Explanation kErrnos[] = {
    {kErrno, "EPIPE", "Errno 32, `Broken pipe`: writing where writing is no longer possible.",
     "A pipe without readers; a socket whose sending side was shut down; a TCP connection that was reset in "
     "CLOSE_WAIT, or whose error had been told already. SIGPIPE comes with it, unless the call was a send "
     "with MSG_NOSIGNAL. Only writing calls give EPIPE.",
     "Ignore SIGPIPE or pass MSG_NOSIGNAL, handle EPIPE as the end of the connection, and close. It says "
     "that the peer is gone, not why: trace it to learn who closed first.",
     std::nullopt},
    {kErrno, "ECONNRESET", "Errno 104, `Connection reset by peer`: a RST ended the connection.",
     "The peer closed with unread data or SO_LINGER 0, died, was restarted, or something between sent the "
     "RST. It is told once, by the next call of any kind; after it reads give 0 and writes give EPIPE.",
     "Close and connect again. Why the RST was sent is the question: trace on the peer's host if the peer is "
     "not local.",
     std::nullopt},
    {kErrno, "ECONNREFUSED", "Errno 111, `Connection refused`: nobody listens there.",
     "The SYN was answered with a RST, or for a unix-domain socket the path exists and no process listens on "
     "it.",
     "On the server: `ss -ltn` (or `ss -lx`). Compare address and port, then let the client try again after "
     "a pause.",
     std::nullopt},
    {kErrno, "ECONNABORTED", "Errno 103, `Software caused connection abort`: ended on this host.",
     "The socket was destroyed from outside (`ss -K`), or the connection ended before accept() returned it.",
     "accept(): just accept the next one. Else find who destroyed the socket.", std::nullopt},
    {kErrno, "ETIMEDOUT", "Errno 110, `Connection timed out`: the peer did not answer.",
     "A connect without an answer; data never acknowledged (net.ipv4.tcp_retries2, or TCP_USER_TIMEOUT); "
     "keepalive probes without an answer.",
     "Look at the way and the host: `ping`, `traceroute`, firewalls that drop without a word. To notice "
     "sooner: TCP_USER_TIMEOUT.",
     std::nullopt},
    {kErrno, "EHOSTUNREACH", "Errno 113, `No route to host`: the host cannot be reached.",
     "ICMP host unreachable, or no answer to the neighbour lookup on the last link (ARP, NDP); a firewall "
     "that rejects gives it too.",
     "`ip route get ADDRESS`, `ip neigh`; look for reject rules.", std::nullopt},
    {kErrno, "ENETUNREACH", "Errno 101, `Network is unreachable`: no route leads there.",
     "This host has no route to the network (often: no default route, or no IPv6), or a router said so by "
     "ICMP.",
     "`ip route get ADDRESS`, `ip -6 route`.", std::nullopt},
    {kErrno, "ENOTCONN", "Errno 107, `Transport endpoint is not connected`.",
     "A call that needs a connection on a socket that has none: never connected, or reset before. Reading "
     "calls and shutdown() give it; a TCP write on such a socket gives EPIPE.",
     "Check connect()'s result before using the socket.", std::nullopt},
};

constexpr Explanation kFates[] = {
    {kSigpipe, "SIGPIPE",
     "Signal 13: sent to the thread that writes to a pipe or stream socket without a reader.",
     "The kernel sends it together with EPIPE, and its default action ends the process: a shell shows status "
     "141 (128+13). pipetrace tells its fate: none, suppressed, ignored, blocked, handled or killed.",
     "In a program that talks to peers: ignore it once at the start, signal(SIGPIPE, SIG_IGN), or pass "
     "MSG_NOSIGNAL, and handle EPIPE. An ignored SIGPIPE is inherited over exec.",
     std::nullopt},
    {kSigpipe, "none", "No SIGPIPE was generated.",
     "The program met the error in another way: by a read, by connect(), or by a write that gave ECONNRESET, "
     "which comes without a signal.",
     "Nothing about the signal; handle the errno.", std::nullopt},
    {kSigpipe, "suppressed", "The call passed MSG_NOSIGNAL, so no SIGPIPE was generated.",
     "send(), sendto() and sendmsg() take MSG_NOSIGNAL; the call gives EPIPE alone. write(), and libraries "
     "that use it, cannot.",
     "Handle EPIPE: the program has asked to be told so.", std::nullopt},
    {kSigpipe, "ignored", "SIGPIPE was generated and thrown away: it is set to SIG_IGN.",
     "The program, its language runtime (Python, for one) or whoever started it ignores SIGPIPE; exec keeps "
     "an ignored signal ignored. The write gives EPIPE.",
     "Handle EPIPE. A program that should end quietly in a pipeline needs the default action back: in Python "
     "signal.signal(SIGPIPE, SIG_DFL).",
     std::nullopt},
    {kSigpipe, "blocked", "SIGPIPE was generated and waits: the thread's mask blocks it.",
     "The write gives EPIPE. The signal stays pending, and acts when the thread unblocks it: with the "
     "default action it then ends the process, far from the write.",
     "Take it back with sigtimedwait() before unblocking, or ignore SIGPIPE instead of blocking it.",
     std::nullopt},
    {kSigpipe, "handled", "SIGPIPE was generated and the program's handler ran.",
     "The process set a handler. The write gives EPIPE after the handler returns.",
     "Let the handler do little or nothing, and handle EPIPE where the write is.", std::nullopt},
    {kSigpipe, "killed", "SIGPIPE ended the process: it was at its default action.",
     "Nothing was printed: the process was gone before it could look at EPIPE. The shell shows status 141 "
     "(128+13), a service manager `status=13/PIPE`.",
     "In a pipeline this is usually right. A server or a client should ignore SIGPIPE, or pass MSG_NOSIGNAL, "
     "and handle EPIPE.",
     std::nullopt},
};

}  // namespace

std::span<const Explanation> errno_explanations() { return kErrnos; }
std::span<const Explanation> sigpipe_explanations() { return kFates; }

}  // namespace pipetrace
