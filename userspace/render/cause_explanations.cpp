// Every cause of the contract, in its order.
#include "render/explanation_tables.h"

namespace pipetrace {
namespace {

constexpr ExplanationKind kCause = ExplanationKind::kCause;
constexpr Severity kFault = Severity::kFault;
constexpr Severity kWarning = Severity::kWarning;
constexpr Severity kBenign = Severity::kBenign;

constexpr Explanation kCauses[] = {
    {kCause, "write_after_peer_close",
     "The peer had closed, its FIN had arrived, and the program wrote again.",
     "A FIN only says that the peer sends no more, so the first write after it succeeds. The peer's kernel, "
     "which has no reader left, answers it with a RST. The write after that fails with EPIPE and raises "
     "SIGPIPE.",
     "Before writing after a pause, look whether the peer is gone: a read that returns 0, or POLLRDHUP from "
     "poll(). Treat a kept connection as one that may be gone, and send the request again on a new one if it "
     "may be repeated. Handle EPIPE, with MSG_NOSIGNAL or SIGPIPE ignored.",
     kFault},
    {kCause, "close_race", "The peer closed while a write that left before its FIN arrived was under way.",
     "Both sides acted in good faith at the same moment: a client used a kept-alive connection just as the "
     "server's idle timeout ended it. Nobody could have known.",
     "Let the side that sends requests give a connection up first: its idle timeout must be shorter than the "
     "server's. Repeat requests that may safely be repeated.",
     kWarning},
    {kCause, "peer_closed_unread_data",
     "The peer closed while data that we had sent lay unread in its socket.",
     "A close() with unread data does not send FIN but RST, to say that the data was lost. Typical: a server "
     "answers early (an error, a limit) and closes without reading the rest of the request, or a client "
     "stops reading and leaves.",
     "The peer should read to the end before closing: shutdown(SHUT_WR), read until 0, then close(). The "
     "sender should read an answer that may have come before it reports the reset.",
     kFault},
    {kCause, "peer_abortive_close",
     "The peer closed on purpose with a RST: SO_LINGER with a time of 0, or a disconnect.",
     "SO_LINGER 0 makes close() throw away what was not sent and reset the connection. Proxies and load "
     "balancers do it to end connections quickly, health checks to leave no TIME_WAIT.",
     "Find SO_LINGER in the peer's program or settings and remove it, unless it is wanted. Where it is "
     "wanted, treat the reset as the end of the connection.",
     kFault},
    {kCause, "peer_process_died", "The peer's process was killed with the connection open.",
     "When a process is killed (a signal, a crash, the OOM killer), its kernel closes its sockets: with FIN, "
     "or with RST where data was unread.",
     "The reset is only the consequence: find out why the process died, in its log, in `journalctl -k` for "
     "the OOM killer, in `coredumpctl` for a crash.",
     kFault},
    {kCause, "idle_connection_reset",
     "The connection had been silent for long, and the first write on it met a RST.",
     "A NAT, a firewall or a balancer between the ends, or a peer that was restarted, had forgotten the "
     "connection and told nobody. The first packet after the silence is answered with RST.",
     "Keep the connection alive more often than the shortest timeout on the way: SO_KEEPALIVE with "
     "TCP_KEEPIDLE, or pings of the protocol; or give idle connections up before that timeout does.",
     kFault},
    {kCause, "peer_reset", "A RST came from a peer that cannot be seen from here, and nothing else fits.",
     "The peer runs on another host, so what it did is not known here: it may have closed with unread data, "
     "with SO_LINGER 0, or have died, or something on the way sent the RST.",
     "Record on the peer's host as well, and give `pipetrace report` both recordings. The rejected causes (-v) "
     "say what was already excluded.",
     kFault},
    {kCause, "connection_refused",
     "Nobody listens on that address and port: the SYN was answered with a RST.",
     "The server is not running, listens on another port or only on another address, is being restarted, or "
     "its backlog is full and net.ipv4.tcp_abort_on_overflow is set.",
     "On the server: `ss -ltn`. Compare address and port with what the client connects to, and start the "
     "server before its clients, or let them try again after a pause.",
     kWarning},
    {kCause, "firewall_reset", "A packet filter on this host sent the RST; neither end closed anything.",
     "A rule with REJECT --reject-with tcp-reset (iptables) or `reject with tcp reset` (nftables) matched a "
     "packet of this connection.",
     "`nft list ruleset`, `iptables-save`: find the rule with a reset and the counter that grows. Allow the "
     "traffic, or let the program cope with being refused.",
     kFault},
    {kCause, "forged_reset", "The RST does not look like the peer's own: something on the way forged it.",
     "Its TTL differs from the handshake's, its sequence number does not fit, it came sooner than the round "
     "trip allows, or data of the peer came after it. Censorship and intrusion prevention systems end "
     "connections so.",
     "Compare from another network. Encryption of the handshake or a tunnel keeps the middle from reading "
     "what it reacts to; ask whoever runs it.",
     kFault},
    {kCause, "retransmission_timeout",
     "The peer fell silent: what was sent was never acknowledged, and the kernel gave up.",
     "Data was sent again and again (net.ipv4.tcp_retries2, about 15 minutes by default) without an answer: "
     "the host is down, or the way to it is cut without a word.",
     "Look at the way and the host. To notice sooner, set TCP_USER_TIMEOUT on the socket.", kFault},
    {kCause, "user_timeout",
     "The peer fell silent, and the limit that the program set with TCP_USER_TIMEOUT passed.",
     "Sent data stayed unacknowledged longer than the socket's TCP_USER_TIMEOUT allows.",
     "Look at the way and the host. If the limit is shorter than ordinary disturbances, raise it.", kFault},
    {kCause, "keepalive_timeout", "The peer fell silent: it answered none of the keepalive probes.",
     "After TCP_KEEPIDLE seconds of silence the kernel sent TCP_KEEPCNT probes, TCP_KEEPINTVL apart, and "
     "none was answered.",
     "Look at the way and the host: it is down, or something between forgot the connection. Connect again; "
     "keepalive did its work.",
     kFault},
    {kCause, "unreachable", "The network said by ICMP that the peer cannot be reached.",
     "A router or the peer's host answered with `destination unreachable`: no route, a port or protocol not "
     "served, or a rule that rejects.",
     "`ip route get ADDRESS` here, then `traceroute`. Look for reject rules on the way.", kFault},
    {kCause, "local_shutdown", "The program itself had shut down its sending side, then wrote.",
     "shutdown(SHUT_WR) or SHUT_RDWR was called on this socket, by this process or by one that shares it (a "
     "parent, a child, another thread). Every later write fails with EPIPE at once.",
     "Write before the shutdown, or do not shut down what another part still uses. The timeline names who "
     "called shutdown() and when.",
     kFault},
    {kCause, "local_abort", "The socket was destroyed from outside, not by its program.",
     "`ss -K`, or another user of SOCK_DESTROY (a network manager, a container runtime), removed the "
     "connection.",
     "Find who did it: the timeline names the process where it could be seen. The program should connect "
     "again.",
     kWarning},
    {kCause, "not_connected", "The program wrote on a socket that was never connected.",
     "connect() was not called, had not finished, or had failed and its result was not looked at.",
     "Check connect()'s result; for a non-blocking socket wait for POLLOUT and read SO_ERROR before the "
     "first write.",
     kFault},
    {kCause, "write_after_error",
     "An error on this socket had been reported before tracing began, and the program wrote again.",
     "The connection was dead already; the program was told and kept the descriptor. Each further write "
     "fails with EPIPE.",
     "After ECONNRESET, EPIPE or ETIMEDOUT close the descriptor and connect again. To see how it died, start "
     "the trace earlier.",
     kFault},
    {kCause, "pipe_reader_closed",
     "The last reader of the pipe closed it or exited, and the writer wrote again.",
     "In `yes | head -1` head has what it wants and leaves; the next write of yes raises SIGPIPE, which ends "
     "it. That is how pipelines are meant to stop.",
     "Usually nothing. Where the writer must survive, ignore SIGPIPE and treat EPIPE as `no more wanted`. In "
     "a shell with `set -o pipefail` expect status 141.",
     kBenign},
    {kCause, "pipe_reader_died", "The last reader of the pipe was killed, and the writer wrote again.",
     "The reader met a signal, a crash or the OOM killer; the writer is only the next in line.",
     "Find out why the reader died; the writer needs no change.", kFault},
    {kCause, "unix_peer_closed",
     "The other end of a unix-domain socket closed or exited, and the program wrote again.",
     "Typical: a daemon was restarted while its clients kept the old socket. A write then gives EPIPE and "
     "SIGPIPE at once.",
     "Let the client connect again on EPIPE. A service manager that passes the socket on (socket activation) "
     "keeps it open over a restart.",
     kFault},
    {kCause, "unix_peer_unread_data",
     "The other end of a unix-domain socket closed with data of ours unread.",
     "As with TCP, closing with unread data tells the other end so: its next call gets ECONNRESET.",
     "The peer should read to the end before it closes; the sender should expect an early close.", kFault},
    {kCause, "unix_peer_died", "The process at the other end of a unix-domain socket was killed.",
     "Its kernel closed the socket for it; the write after that fails.",
     "Find out why it died: its log, `journalctl -k`, `coredumpctl`.", kFault},
    {kCause, "closed_with_unread_data",
     "Origin: this host sent a RST because a program closed with unread data.",
     "close() found data in the receive queue that nobody had read, and so reset the connection. The other "
     "end meets ECONNRESET.",
     "Read to the end before closing: shutdown(SHUT_WR), read until 0, then close().", kWarning},
    {kCause, "abortive_close",
     "Origin: this host sent a RST because a program closed with SO_LINGER 0 or disconnected.",
     "The program asked for it: SO_LINGER with a time of 0, or connect() to AF_UNSPEC; or it closed its "
     "listener with "
     "connections not accepted yet.",
     "Remove SO_LINGER 0 unless it is wanted; accept what waits before a listener is closed.", kWarning},
    {kCause, "late_data_after_close",
     "Origin: data came for a connection that a program here had already closed.",
     "After close() the socket takes no more data; what the peer sends still is answered with RST. Common at "
     "the end of a connection, and harmless for this side.",
     "Nothing here. If the peer complains, let this side shut down sending first and read until 0.", kBenign},
    {kCause, "no_socket",
     "Origin: a packet came for which there is no socket here, and was answered with RST.",
     "Nobody listens on that port, or the connection is older than this host's memory of it: a restart, an "
     "address that moved, a NAT that was skipped.",
     "`ss -ltn` for the port. Where the packets belong to a translated connection, look at conntrack: "
     "`conntrack -S`, entries counted as invalid.",
     kWarning},
    {kCause, "unknown", "The facts needed for a verdict are missing.",
     "What happened came before the trace, on another host, through a hook that this kernel does not allow, "
     "or in events that were lost. The summary says which.",
     "Start the trace before the program, see `pipetrace doctor` for what is limited here, and trace less at "
     "once if events were lost.",
     kWarning},
};

}  // namespace

std::span<const Explanation> cause_explanations() { return kCauses; }

}  // namespace pipetrace
