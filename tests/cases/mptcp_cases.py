"""The cases whose victim holds an MPTCP socket: its descriptor is one socket, the RST comes to another, its subflow.

Where both ends speak MPTCP, only an abort resets: a close tells the peer by a DATA_FIN, and what is sent after it is
taken all the same. Where the peer speaks TCP alone, the connection falls back to it, with all that TCP does.
"""
from case import IGNORE, READ_RESET, WRITE_RESET, Case, reset

RESET_THEN_WRITE = (*READ_RESET, ("EPIPE", "sendto", 1))
REFUSED = dict(severity=("warning",), rst="SYN_SENT", first_close=("none",), peer=None)
# The first of Debian's kernels that has it.
MPTCP_KERNEL = (6, 1)


def mptcp(name, program, arguments, errors, cause, **changes):
    """The peer's program ended the connection at once; its kernel tells by a RST on the subflow."""
    return reset(name, program, ["--mptcp", *arguments], errors, cause, since=MPTCP_KERNEL,
                 **{"action": ("abort", "close"), **changes})


def fallback(name, program, arguments, errors, cause, **changes):
    return reset(name, program, ["--fallback", *arguments], errors, cause, since=MPTCP_KERNEL, **changes)


MPTCP = [
    mptcp("mptcp_linger0", "linger0", [], READ_RESET, "peer_abortive_close"),
    mptcp("mptcp_linger0_then_write", "linger0", ["--repeat", "1", *IGNORE], RESET_THEN_WRITE, "peer_abortive_close",
          sigpipe="ignored"),
    mptcp("mptcp_default", "linger0", ["--repeat", "1"], RESET_THEN_WRITE, "peer_abortive_close", sigpipe="killed"),
    mptcp("mptcp_asked", "linger0", ["--variant", "asked", "--repeat", "1", *IGNORE],
          [("ECONNRESET", "getsockopt", 1), ("EPIPE", "sendto", 1)], "peer_abortive_close", sigpipe="ignored"),
    mptcp("mptcp_disconnect", "linger0", ["--variant", "disconnect"], READ_RESET, "peer_abortive_close",
          action=("abort",)),
    mptcp("mptcp_ipv6_server", "linger0", ["--ipv6", "--victim-accepts"], READ_RESET, "peer_abortive_close"),
    mptcp("mptcp_netns", "linger0", ["--netns"], READ_RESET, "peer_abortive_close"),
    mptcp("mptcp_unread_recv", "unread_close", [], READ_RESET, "peer_closed_unread_data", action=("close",)),
    mptcp("mptcp_unread_recvmsg", "unread_close", ["--receive", "recvmsg"], (("ECONNRESET", "recvmsg", 1),),
          "peer_closed_unread_data", action=("close",)),
    mptcp("mptcp_unread_recvmmsg", "unread_close", ["--receive", "recvmmsg"], (("ECONNRESET", "recvmmsg", 1),),
          "peer_closed_unread_data", action=("close",)),
    mptcp("mptcp_unread_write", "unread_close", ["--variant", "write", *IGNORE], WRITE_RESET,
          "peer_closed_unread_data", sigpipe="ignored", action=("close",)),
    mptcp("mptcp_killed_unread", "killed_peer", [], READ_RESET, "peer_process_died", action=("killed",)),
    mptcp("mptcp_unnoticed", "linger0", ["--variant", "unnoticed"], (), "peer_abortive_close",
          severity=("fault", "warning", "benign"), says=("No program was told",)),
    mptcp("mptcp_late", "linger0", ["--late", *IGNORE], WRITE_RESET, "peer_abortive_close", sigpipe="ignored",
          slow=True),
    mptcp("mptcp_listener_closed", "backlog", ["--variant", "listener_closed", "--repeat", "1", *IGNORE],
          RESET_THEN_WRITE, "peer_abortive_close", sigpipe="ignored", severity=("fault", "warning", "benign")),
    Case("mptcp_own_shutdown", "shutdown_write", ("--mptcp", *IGNORE, "--repeat", "1"),
         errors=(("EPIPE", "sendto", 2),), sigpipe="ignored", cause=("local_shutdown",), first_close=("local",),
         action=("none", None), timeline=("shut_down",), since=MPTCP_KERNEL),
    Case("mptcp_late_data", "innocent", ("--mptcp", "--variant", "late"), peer=None, since=MPTCP_KERNEL),
    Case("mptcp_innocent", "innocent", ("--mptcp",), peer=None, since=MPTCP_KERNEL),
    fallback("mptcp_fallback", "classic", IGNORE, [("EPIPE", "sendto", 1)], "write_after_peer_close",
             sigpipe="ignored", rst="CLOSE_WAIT", action=("close",), timeline=("fin_received", "rst_received"),
             idle=True),
    fallback("mptcp_fallback_unread", "unread_close", ["--variant", "write"], WRITE_RESET, "peer_closed_unread_data",
             sigpipe="killed", action=("close",)),
    fallback("mptcp_refused", "refused", [], [("ECONNREFUSED", "connect", 1)], "connection_refused", **REFUSED),
    fallback("mptcp_refused_nonblock", "refused", ["--nonblock", "--repeat", "1", *IGNORE],
             [("ECONNREFUSED", "getsockopt", 1), ("EPIPE", "sendto", 1)], "connection_refused", sigpipe="ignored",
             **REFUSED),
    fallback("mptcp_fallback_linger0", "linger0", [], READ_RESET, "peer_abortive_close", action=("abort", "close")),
]
