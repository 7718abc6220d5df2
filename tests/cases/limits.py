"""What a mode, on a kernel, cannot know of a case: each a named exception with its reason.

A limit only widens what is accepted; the judge prints it where it was made use of.
"""
from dataclasses import dataclass

# sock_send_length and sock_recv_length, the tracepoints that see what a call returned.
LENGTH_TRACEPOINTS = (6, 12)
# tcp_send_reset also where no socket sends it.
SOCKETLESS_RESET_TRACEPOINT = (6, 12)
# unix_release_sock() throws data away without marking it as read first.
UNREAD_LEFT_UNMARKED = (6, 12)
# tcp_reset(sk, skb); before, only the socket.
RESET_PACKET_ARGUMENT = (5, 15)
# inet_sk_error_report, the tracepoint that sees a pending error raised in connect().
ERROR_REPORT_TRACEPOINT = (5, 15)
# Calls that send in more than one step.
PARTIAL_CALLS = ("sendmmsg", "sendfile", "splice")


RECEIVING = ("recvfrom", "read", "recvmsg", "readv", "recvmmsg")


@dataclass(frozen=True)
class Limit:
    # call, missing, count, sigpipe, name, peer, unread, confidence, packet, cause, first_close, timeline; or
    # the whole incident
    field: str
    reason: str
    errno: str | None = None  # only of errors with this errno
    allowed: tuple = ()


def kernel_version(release):
    """(6, 12) of "6.12.107-amd64"."""
    major, minor = release.split("-")[0].split("+")[0].split(".")[:2]
    return int(major), int(minor)


def unix_limits(case, kernel):
    """Of unix sockets tracepoints show SIGPIPE, data thrown away unread, and who exits with an end."""
    limits = []
    of_stream = not {"seqpacket", "dgram"} & set(case.arguments)
    if kernel < LENGTH_TRACEPOINTS and (not of_stream or case.sigpipe in ("none", "suppressed")):
        limits.append(Limit("incident", "before 6.12 no tracepoint shows a call on a unix socket that fails "
                            "without SIGPIPE"))
    if kernel < UNREAD_LEFT_UNMARKED and of_stream and case.cause == ("unix_peer_unread_data",):
        limits.append(Limit("unread", "before 6.12 the kernel marks what it throws away as read, so that of a "
                            "stream's first part the rest is not known"))
    if kernel < LENGTH_TRACEPOINTS and "listener" in case.arguments:
        limits.append(Limit("missing", "before 6.12 no tracepoint shows the call that took ECONNRESET, nor who "
                            "closed a listener", "ECONNRESET"))
    if "blocked" in case.arguments:
        limits.append(Limit("unread", "who is woken by the other end's close can fail before that has thrown away "
                            "what lay unread, which is all that a tracepoint shows"))
    if case.cause == ("unix_peer_closed",) and case.action == ("close",):
        why = "no tracepoint shows a unix socket's end that is closed with nothing unread by who lives on"
        limits += [Limit("peer", why), Limit("timeline", why), Limit("unread", why),
                   Limit("confidence", why, allowed=("likely",))]
    if "dgram" in case.arguments and "--named" in case.arguments and case.peer:
        why = ("no tracepoint shows who was at the other end of a datagram socket before the failing send let go "
               "of it; at a pair's, the other end itself tells")
        limits += [Limit("name", why), Limit("peer", why), Limit("timeline", why),
                   Limit("cause", why, allowed=("unix_peer_closed",)),
                   Limit("confidence", why, allowed=("likely",))]
    if "shutdown" in (*case.action, *case.arguments):
        why = "no tracepoint shows shutdown() of a unix socket, and either end's leaves the same state"
        limits += [Limit("peer", why), Limit("timeline", why)]
        if "dgram" not in case.arguments:
            limits += [Limit("cause", why, allowed=("unknown",)), Limit("first_close", why),
                       Limit("confidence", why, allowed=("unknown",))]
    return limits


def tracepoint_limits(case, kernel):
    limits = [Limit("packet", "no tracepoint shows the packet of a RST")]
    if kernel < LENGTH_TRACEPOINTS:
        for errno, syscall, _ in case.errors:
            if errno != "EPIPE" and syscall not in ("connect", "getsockopt"):
                limits.append(Limit("call", f"before 6.12 no tracepoint shows the call that took {errno}; "
                                    "the socket's error was taken, so one did", errno))
        if case.sigpipe == "suppressed":
            why = "before 6.12 no tracepoint shows a send that fails with MSG_NOSIGNAL"
            limits += [Limit("call", why, "EPIPE"), Limit("missing", why, "EPIPE"),
                       Limit("count", why, "EPIPE"), Limit("sigpipe", why, allowed=(None,))]
        if case.sigpipe == "none" and case.kind == "tcp":
            limits.append(Limit("sigpipe", "before 6.12 no tracepoint shows a send that fails with "
                                "MSG_NOSIGNAL, so none can be ruled out", allowed=(None,)))
    for errno, syscall, _ in case.errors:
        if kernel < LENGTH_TRACEPOINTS and syscall in PARTIAL_CALLS and case.kind == "tcp":
            limits.append(Limit("call", "before 6.12 no tracepoint shows what a call returned that may have sent a "
                                "part before it raised SIGPIPE", errno))
        if syscall == "getsockopt":
            limits.append(Limit("call", "no tracepoint shows getsockopt(SO_ERROR)", errno))
        if syscall == "recvmmsg":
            limits.append(Limit("call", "no tracepoint shows recvmmsg() take an error before it receives; "
                                "what is left to infer is getsockopt(SO_ERROR)", errno, ("getsockopt",)))
    if kernel < ERROR_REPORT_TRACEPOINT and case.outlived:
        limits.append(Limit("incident", "before 5.15 a tracepoint shows an error only where it ends the connection"))
    if kernel < LENGTH_TRACEPOINTS and case.outlived:
        limits += [Limit("missing", "before 6.12 no tracepoint shows the call that took an error, and of one that the "
                         "connection outlived its end says nothing", errno) for errno, _, _ in case.errors]
    for errno, syscall, _ in case.errors:
        if kernel < ERROR_REPORT_TRACEPOINT and syscall == "connect":
            limits.append(Limit("call", "before 5.15 no tracepoint shows the connect() that failed", errno))
    if kernel < SOCKETLESS_RESET_TRACEPOINT and case.cause == ("connection_refused",):
        limits.append(Limit("confidence", "before 6.12 no tracepoint shows a RST that no socket sends, so "
                            "a packet filter's looks the same", allowed=("likely",)))
    if kernel < SOCKETLESS_RESET_TRACEPOINT and case.role == "origin" and case.rst in (None, "TIME_WAIT"):
        limits.append(Limit("incident", "before 6.12 no tracepoint shows a RST that no socket sends, or only one "
                            "in TIME_WAIT"))
    if case.kind == "unix":
        limits += unix_limits(case, kernel)
    if case.peer and "none" in case.action and "--victim-accepts" not in case.arguments:
        limits.append(Limit("peer", "no tracepoint shows who accepts a connection; its holder is looked up, and may "
                            "be gone by then"))
    if kernel < LENGTH_TRACEPOINTS and case.cause == ("unknown",):
        why = "before 6.12 no tracepoint shows the call that took ECONNRESET, which may have been before the trace"
        limits += [Limit("cause", why, allowed=("write_after_error",)), Limit("missing", why, "ECONNRESET"),
                   Limit("confidence", why, allowed=("likely",))]
    if case.kind == "pipe" and case.action == ("close",):
        limits.append(Limit("peer", "no tracepoint shows a close of a pipe's reading end, only exec "
                            "and exit show who holds it"))
    return limits


def kprobe_limits(case, kernel):
    """Where the socket's return tracepoints are missing."""
    if kernel >= LENGTH_TRACEPOINTS or case.kind != "tcp":
        return []
    limits = [Limit("call", "before 6.12 kprobe mode sees a receive fail by a kretprobe, which holds but a few that "
                    "wait at once", errno) for errno, syscall, _ in case.errors if syscall in RECEIVING]
    if ("ECONNRESET", "io_uring_enter", 1) in case.errors:
        limits.append(Limit("call", "before 6.12 a return probe finds the socket by the call's descriptor, and "
                            "io_uring's is the ring", "ECONNRESET"))
    return limits


def unseen_senders(case, kernel):
    """What a RST that no socket sent, and who accepted, would have told."""
    limits = []
    if case.program != "remote" and kernel < SOCKETLESS_RESET_TRACEPOINT:
        why = "before 6.12 no tracepoint shows a RST that no socket sends, so nobody here can be ruled out"
        if case.cause == ("forged_reset",):
            limits += [Limit("cause", why, allowed=("peer_reset",)), Limit("confidence", why, allowed=("likely",))]
        if case.program == "forgotten" or case.cause == ("firewall_reset",) and case.rst == "ESTABLISHED":
            limits.append(Limit("confidence", why, allowed=("likely",)))
        if case.cause in (("forged_reset",), ("firewall_reset",)) and case.rst == "ESTABLISHED":
            limits.append(Limit("first_close", why, allowed=(None,)))
    if case.kind == "tcp" and case.action == ("none",):
        limits.append(Limit("peer", "no tracepoint shows who accepts a connection, before it acts, and who holds it "
                            "may not be looked up before the incident is told"))
    return limits


def unseen_packet(case):
    """What the TTL and flags of a RST that came in ESTABLISHED would have told of who sent it."""
    if case.program == "remote" and case.cause == ("forged_reset",):
        why = "its TTL is that of the RST's packet, which is not seen"
        return [Limit("cause", why, allowed=("peer_reset",)), Limit("first_close", why, allowed=("peer",))]
    if case.program == "remote" and case.cause == ("firewall_reset",):
        why = "the RST's packet is not seen, so the peer's own may have come just then"
        return [Limit("confidence", why, allowed=("likely",)), Limit("first_close", why, allowed=(None,))]
    return []


def limits_of(case, mode, kernel):
    of_mode = {"tracepoint": tracepoint_limits, "kprobe": kprobe_limits}.get(mode)
    limits = of_mode(case, kernel) if of_mode else []
    if mode == "tracepoint":
        limits += unseen_senders(case, kernel)
    if kernel < RESET_PACKET_ARGUMENT and case.rst == "ESTABLISHED":
        limits.append(Limit("packet", "before 5.15 tcp_reset has no packet, and in ESTABLISHED the RST does "
                            "not pass tcp_rcv_state_process"))
    if any(limit.field == "packet" for limit in limits) and case.rst == "ESTABLISHED":
        limits += unseen_packet(case)
    return limits
