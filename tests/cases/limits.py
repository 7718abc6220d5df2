"""What a mode, on a kernel, cannot know of a case: each a named exception with its reason.

A limit only widens what is accepted; the judge prints it where it was made use of.
"""
from dataclasses import dataclass

# sock_send_length and sock_recv_length, the tracepoints that see what a call returned.
LENGTH_TRACEPOINTS = (6, 12)
# tcp_send_reset also where no socket sends it.
SOCKETLESS_RESET_TRACEPOINT = (6, 12)
# tcp_reset(sk, skb); before, only the socket.
RESET_PACKET_ARGUMENT = (5, 15)
# inet_sk_error_report, the tracepoint that sees a pending error raised in connect().
ERROR_REPORT_TRACEPOINT = (5, 15)


@dataclass(frozen=True)
class Limit:
    field: str  # call, missing, count, sigpipe, peer, confidence, packet, cause
    reason: str
    errno: str | None = None  # only of errors with this errno
    allowed: tuple = ()


def kernel_version(release):
    """(6, 12) of "6.12.107-amd64"."""
    major, minor = release.split("-")[0].split("+")[0].split(".")[:2]
    return int(major), int(minor)


def tracepoint_limits(case, kernel):
    limits = [Limit("packet", "no tracepoint shows the packet of a RST")]
    told = {errno for errno, _, _ in case.errors}
    if kernel < LENGTH_TRACEPOINTS:
        if "ECONNRESET" in told:
            limits.append(Limit("call", "before 6.12 no tracepoint shows the call that took ECONNRESET; "
                                "the socket's error was taken, so one did", "ECONNRESET"))
        if case.sigpipe == "suppressed":
            why = "before 6.12 no tracepoint shows a send that fails with MSG_NOSIGNAL"
            limits += [Limit("call", why, "EPIPE"), Limit("missing", why, "EPIPE"),
                       Limit("count", why, "EPIPE"), Limit("sigpipe", why, allowed=(None,))]
        if case.sigpipe == "none" and case.kind == "tcp":
            limits.append(Limit("sigpipe", "before 6.12 no tracepoint shows a send that fails with "
                                "MSG_NOSIGNAL, so none can be ruled out", allowed=(None,)))
    for errno, syscall, _ in case.errors:
        if syscall == "getsockopt":
            limits.append(Limit("call", "no tracepoint shows getsockopt(SO_ERROR)", errno))
    if kernel < ERROR_REPORT_TRACEPOINT and ("ECONNREFUSED", "connect", 1) in case.errors:
        limits.append(Limit("call", "before 5.15 no tracepoint shows the connect() that failed",
                            "ECONNREFUSED"))
    if kernel < SOCKETLESS_RESET_TRACEPOINT and case.cause == ("connection_refused",):
        limits.append(Limit("confidence", "before 6.12 no tracepoint shows a RST that no socket sends, so "
                            "a packet filter's looks the same", allowed=("likely",)))
    if case.kind == "pipe" and case.action == ("close",):
        limits.append(Limit("peer", "no tracepoint shows a close of a pipe's reading end, only exec "
                            "and exit show who holds it"))
    return limits


def limits_of(case, mode, kernel):
    limits = tracepoint_limits(case, kernel) if mode == "tracepoint" else []
    if kernel < RESET_PACKET_ARGUMENT and case.rst == "ESTABLISHED":
        limits.append(Limit("packet", "before 5.15 tcp_reset has no packet, and in ESTABLISHED the RST does "
                            "not pass tcp_rcv_state_process"))
    return limits
