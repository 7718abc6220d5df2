"""The table of cases: how each failure is provoked and what its incident must say.

A case's `errors` are what the kernel must tell the program, as (errno, syscall, count); the
provoker's own truth line is held against them without any tracer, and the incident against
the truth line. What a mode or kernel cannot know stands in limits.py, not here.
"""
from case import EITHER_RST, IGNORE, READ_RESET, WRITE_RESET, Case, reset
from mptcp_cases import MPTCP
from origin_cases import ORIGINS
from silence_cases import DESTROYED, SILENCE, UNREACHABLE

SPIN_COUNT = 20000


CLASSIC_EVENTS = ("fin_received", "rst_received")


def classic(name, arguments, fate="ignored", syscall="sendto", count=1, **changes):
    """The peer closed, the program wrote twice more; `fate` is that of SIGPIPE."""
    values = dict(
        program="classic", arguments=tuple(arguments), errors=(("EPIPE", syscall, count),),
        sigpipe=fate, cause=("write_after_peer_close",), rst="CLOSE_WAIT", action=("close",),
        timeline=CLASSIC_EVENTS, idle=True)
    values.update(changes)
    return Case(name, **values)


def pipe(name, variant, action, **changes):
    values = dict(program="pipe_closed", arguments=("--variant", variant, "--sigpipe", "ignore"),
                  errors=(("EPIPE", "write", 1),), sigpipe="ignored", cause=("pipe_reader_closed",),
                  severity=("benign",), action=(action,), kind="pipe",
                  timeline=("sigpipe_generated",))
    values.update(changes)
    return Case(name, **values)


# Told of the reset or not, the same facts may make it a lesser matter where nobody noticed.
ANY_SEVERITY = ("fault", "warning", "benign")
ANY_CONFIDENCE = ("certain", "likely", "unknown")

URING = "io_uring_enter"

CLASSIC = [
    classic("classic_default", [], fate="killed"),
    classic("classic_ignore", IGNORE),
    classic("classic_handler", ["--sigpipe", "handler", "--repeat", "1"], fate="handled", count=2),
    classic("classic_block", ["--sigpipe", "block"], fate="blocked"),
    classic("classic_nosignal", ["--sigpipe", "nosignal"], fate="suppressed"),
    classic("classic_repeat", [*IGNORE, "--repeat", "4"], count=5),
    classic("classic_ipv6", ["--ipv6", *IGNORE]),
    classic("classic_mapped", ["--mapped", *IGNORE]),
    classic("classic_netns", ["--netns", *IGNORE]),
    classic("classic_write", ["--call", "write", *IGNORE], syscall="write"),
    classic("classic_writev", ["--call", "writev", *IGNORE], syscall="writev"),
    classic("classic_sendmsg", ["--call", "sendmsg", *IGNORE], syscall="sendmsg"),
    classic("classic_sendmmsg", ["--call", "sendmmsg", *IGNORE], syscall="sendmmsg"),
    classic("classic_sendfile", ["--call", "sendfile", *IGNORE], syscall="sendfile"),
    classic("classic_splice", ["--call", "splice", *IGNORE], syscall="splice"),
    classic("classic_uring_send", ["--call", "uring_send", "--sigpipe", "nosignal"], fate="suppressed",
            syscall=URING),
    classic("classic_uring_write", ["--call", "uring_write", *IGNORE], syscall=URING),
    classic("classic_uring_default", ["--call", "uring_write"], fate="killed", syscall=URING),
    classic("classic_uring_worker", ["--call", "uring_write_async"], fate="blocked", syscall=URING),
    classic("classic_server_is_victim", ["--victim-accepts", *IGNORE]),
    classic("classic_peer_exits", ["--variant", "exit", *IGNORE], action=("exit",)),
    classic("classic_peer_shuts_down", ["--variant", "shutdown", *IGNORE], action=("shutdown",)),
    classic("classic_eof", ["--variant", "eof"], fate="none", errors=(), severity=ANY_SEVERITY),
    classic("classic_python", [], program="python", comm="python3"),
    Case("fork_shared", "fork_shared", errors=(("EPIPE", "sendto", 1),), sigpipe="ignored",
         cause=("write_after_peer_close",), rst="CLOSE_WAIT", action=("close",),
         timeline=CLASSIC_EVENTS, comm="sharer"),
    *(classic(f"handed_{variant}", ["--variant", variant, *IGNORE], program="handed", idle=False, comm=comm)
      for variant, comm in (("dup", "victim"), ("exec", "successor"), ("passed", "receiver"),
                            ("peer_exec", "victim"), ("peer_passed", "victim"))),
    classic("handed_exec_default", ["--variant", "exec"], fate="killed", program="handed", idle=False,
            comm="successor"),
    Case("threads", "threads", IGNORE, errors=(("EPIPE", "sendto", 1),), sigpipe="ignored",
         cause=("write_after_peer_close",), rst="CLOSE_WAIT", action=("close",),
         timeline=CLASSIC_EVENTS, thread="writer"),
    # The peer, which had shut both directions down and kept the socket, is told errors of its own.
    classic("classic_peer_uses_it_on", ["--variant", "shutdown_told", *IGNORE], action=("shutdown",),
            peer_cause=("local_shutdown",)),
    Case("spin", "spin", ("--bytes", str(SPIN_COUNT), *IGNORE),
         errors=(("EPIPE", "sendto", SPIN_COUNT),), sigpipe="ignored",
         cause=("write_after_peer_close",), rst="CLOSE_WAIT", action=("close",),
         timeline=CLASSIC_EVENTS),
    Case("spin_nosignal", "spin", ("--bytes", str(SPIN_COUNT), "--sigpipe", "nosignal"),
         errors=(("EPIPE", "sendto", SPIN_COUNT),), sigpipe="suppressed",
         cause=("write_after_peer_close",), rst="CLOSE_WAIT", action=("close",),
         timeline=CLASSIC_EVENTS),
]

RESETS = [
    reset("unread_recv", "unread_close", [], READ_RESET, "peer_closed_unread_data", action=("close",)),
    *(reset(f"unread_{how}", "unread_close", ["--receive", how], (("ECONNRESET", syscall, 1),),
            "peer_closed_unread_data", action=("close",))
      for how, syscall in (("read", "read"), ("readv", "readv"), ("recvmsg", "recvmsg"),
                           ("recvmmsg", "recvmmsg"), ("uring_recv", URING), ("uring_read", URING))),
    reset("unread_write", "unread_close", ["--variant", "write", *IGNORE], WRITE_RESET,
          "peer_closed_unread_data", sigpipe="ignored", action=("close",)),
    reset("unread_write_default", "unread_close", ["--variant", "write"], WRITE_RESET,
          "peer_closed_unread_data", sigpipe="killed", action=("close",)),
    reset("unread_ipv6", "unread_close", ["--ipv6", "--bytes", "4000"], READ_RESET,
          "peer_closed_unread_data", action=("close",)),
    # SO_LINGER 0 is a close that aborts: either word is true of it.
    reset("linger0", "linger0", [], READ_RESET, "peer_abortive_close", action=("abort", "close")),
    reset("linger0_then_write", "linger0", ["--repeat", "1", *IGNORE],
          [*READ_RESET, ("EPIPE", "sendto", 1)], "peer_abortive_close", sigpipe="ignored",
          action=("abort", "close")),
    reset("linger0_asked", "linger0", ["--variant", "asked", "--repeat", "1", *IGNORE],
          [("ECONNRESET", "getsockopt", 1), ("EPIPE", "sendto", 1)], "peer_abortive_close", sigpipe="ignored",
          action=("abort", "close")),
    reset("linger0_netns", "linger0", ["--netns"], READ_RESET, "peer_abortive_close",
          action=("abort", "close")),
    reset("disconnect", "linger0", ["--variant", "disconnect"], READ_RESET, "peer_abortive_close",
          action=("abort",)),
    reset("health_check", "linger0", ["--variant", "empty", "--victim-accepts"], READ_RESET,
          "peer_abortive_close", severity=("benign",), action=("abort", "close")),
    reset("reset_unnoticed", "linger0", ["--variant", "unnoticed"], (), "peer_abortive_close",
          severity=ANY_SEVERITY, action=("abort", "close"), says=("No program was told",)),
    reset("reset_long_before_the_write", "linger0", ["--late", *IGNORE], WRITE_RESET, "peer_abortive_close",
          sigpipe="ignored", action=("abort", "close"), slow=True),
    # Its count is short, and says nothing of the reset.
    reset("reset_in_a_blocked_send", "linger0", ["--variant", "blocked"], WRITE_RESET,
          ("peer_closed_unread_data",), sigpipe="killed", action=("abort", "close"), flags=EITHER_RST),
    reset("reset_of_two_threads", "threads", ["--variant", "reset"], [*READ_RESET, ("EPIPE", "sendto", 1)],
          "peer_abortive_close", sigpipe="killed", action=("abort", "close")),
    reset("reset_before_accept", "backlog", ["--variant", "reset_before_accept", "--repeat", "1", *IGNORE],
          [*READ_RESET, ("EPIPE", "sendto", 1)], "peer_abortive_close", severity=("benign",), sigpipe="ignored",
          action=("abort", "close")),
    reset("listener_closed", "backlog", ["--variant", "listener_closed", "--repeat", "1", *IGNORE],
          [*READ_RESET, ("EPIPE", "sendto", 1)], "peer_abortive_close", sigpipe="ignored",
          severity=ANY_SEVERITY, action=("abort", "close")),
    reset("ports_reused", "reuse", ["--repeat", "1"], [*READ_RESET, ("EPIPE", "sendto", 1)],
          "peer_abortive_close", sigpipe="killed", action=("abort", "close")),
    reset("killed_unread", "killed_peer", [], READ_RESET, "peer_process_died", action=("killed",)),
    reset("killed_fin_only", "killed_peer", ["--bytes", "0", *IGNORE], [("EPIPE", "sendto", 1)],
          "peer_process_died", sigpipe="ignored", rst="CLOSE_WAIT", action=("killed",)),
    reset("killed_half_closed", "killed_peer", ["--variant", "half", *IGNORE], [("EPIPE", "sendto", 1)],
          "peer_process_died", sigpipe="ignored", rst="CLOSE_WAIT", action=("killed",), flags=EITHER_RST),
    reset("refused", "refused", [], [("ECONNREFUSED", "connect", 1)], "connection_refused",
          severity=("warning",), rst="SYN_SENT", first_close=("none", "peer", None), peer=None),
    reset("refused_ipv6", "refused", ["--ipv6"], [("ECONNREFUSED", "connect", 1)],
          "connection_refused", severity=("warning",), rst="SYN_SENT",
          first_close=("none", "peer", None), peer=None),
    reset("refused_nonblock", "refused", ["--nonblock"], [("ECONNREFUSED", "getsockopt", 1)],
          "connection_refused", severity=("warning",), rst="SYN_SENT",
          first_close=("none", "peer", None), peer=None),
    reset("refused_then_write", "refused", ["--nonblock", "--repeat", "1", *IGNORE],
          [("ECONNREFUSED", "getsockopt", 1), ("EPIPE", "sendto", 1)], "connection_refused",
          severity=("warning",), sigpipe="ignored", rst="SYN_SENT",
          first_close=("none", "peer", None), peer=None),
]

LOCAL = [
    Case("shutdown_write", "shutdown_write", (*IGNORE, "--repeat", "1"),
         errors=(("EPIPE", "sendto", 2),), sigpipe="ignored", cause=("local_shutdown",),
         first_close=("local",), action=("none", None), timeline=("shut_down",)),
    Case("shared_shutdown", "fork_shared", ("--variant", "shutdown"),
         errors=(("EPIPE", "sendto", 1),), sigpipe="ignored", cause=("local_shutdown",),
         first_close=("local",), action=("none", None), timeline=("shut_down",)),
    Case("never_connected", "never_connected", errors=(("EPIPE", "sendto", 1),), sigpipe="killed",
         cause=("not_connected",), first_close=("none", None), peer=None),
]

PIPES = [
    pipe("pipe_exit", "exit", "exit"),
    pipe("pipe_close", "close", "close"),
    pipe("pipe_exec", "exec", "close"),
    pipe("pipe_default", "exit", "exit", arguments=("--variant", "exit"), sigpipe="killed"),
    pipe("pipe_partial", "partial", "close", errors=(), sigpipe="handled",
         arguments=("--variant", "partial", "--sigpipe", "handler"),
         timeline=("sigpipe_generated", "call_succeeded")),
    pipe("pipe_partial_ignored", "partial", "close", errors=(), timeline=("sigpipe_generated", "call_succeeded")),
    pipe("pipe_partial_again", "partial_again", "close", timeline=("call_succeeded", "call_failed")),
    pipe("pipe_child", "child", "exit"),
    pipe("pipe_shared", "shared", "close"),
    pipe("pipe_fifo", "fifo", "close"),
    pipe("pipe_full", "full", "close"),
    *(pipe(f"pipe_{way}", way, "close", errors=(("EPIPE", way, 1),)) for way in ("splice", "tee", "vmsplice")),
    pipe("pipe_one_of_two", "one_of_two", "close", errors=(), sigpipe="none", cause=()),
    pipe("pipe_old_gone", "exit", "exit", when="old", peer=None, confidence=("likely",),
         arguments=("--variant", "exit", "--hold", "gone", *IGNORE)),
    pipe("pipe_old_open", "exit", "exit", when="old",
         arguments=("--variant", "exit", "--hold", "open", *IGNORE)),
    pipe("pipe_writev", "exit", "exit", errors=(("EPIPE", "writev", 1),),
         arguments=("--variant", "exit", "--call", "writev", *IGNORE)),
    # Up to 6.1 a worker writes to a pipe that blocks.
    pipe("pipe_uring", "exit", "exit", errors=(("EPIPE", URING, 1),),
         arguments=("--variant", "exit", "--call", "uring_write", "--nonblock", *IGNORE)),
    pipe("pipe_uring_default", "exit", "exit", errors=(("EPIPE", URING, 1),), sigpipe="killed",
         arguments=("--variant", "exit", "--call", "uring_write", "--nonblock")),
    pipe("pipe_uring_registered", "registered", "close", errors=(("EPIPE", URING, 1),), since=(5, 18),
         arguments=("--variant", "registered", "--call", "uring_write", "--nonblock", *IGNORE)),
    pipe("pipe_uring_chain", "", "", program="uring_chain", arguments=(), errors=(), sigpipe="handled", cause=(),
         peer=None),
    pipe("pipe_uring_worker", "exit", "exit", errors=(("EPIPE", URING, 1),), sigpipe="blocked",
         arguments=("--variant", "exit", "--call", "uring_write_async")),
    pipe("pipe_reader_killed", "killed", "killed", cause=("pipe_reader_died",), severity=("fault",)),
]

def unix(name, arguments, errors, **changes):
    """The other end of a unix socket went. Of unix sockets only a stream's send raises SIGPIPE."""
    values = dict(program="unix_closed", arguments=tuple(arguments), errors=tuple(errors), kind="unix",
                  cause=("unix_peer_closed",), action=("close",), timeline=("closed",))
    values.update(changes)
    return Case(name, **values)


def unix_read(name, *arguments, **changes):
    """The other end had read all: its going shows at the next send."""
    values = dict(sigpipe="ignored")
    values.update(changes)
    count = int(arguments[arguments.index("--repeat") + 1]) if "--repeat" in arguments else 1
    repeat = () if "--repeat" in arguments else ("--repeat", "1")
    fate = IGNORE if values["sigpipe"] == "ignored" and "--sigpipe" not in arguments else ()
    call = arguments[arguments.index("--call") + 1] if "--call" in arguments else "sendto"
    if "program" not in changes:
        arguments = ("--bytes", "0", *arguments)
    return unix(name, [*arguments, *repeat, *fate], [("EPIPE", call, count)], **values)


STREAM_RESET = (("ECONNRESET", "recvfrom", 1), ("EPIPE", "sendto", 1))
SEND_RESET = (("ECONNRESET", "sendto", 1), ("EPIPE", "sendto", 1))
DGRAM_GONE = (("ECONNREFUSED", "sendto", 1), ("ENOTCONN", "sendto", 1))
SEQPACKET, DGRAM = ("--type", "seqpacket"), ("--type", "dgram")
UNREAD = ("--reads", "--repeat", "1", *IGNORE)
OWN = dict(program="unix_own", first_close=("local",), peer=None, action=(), cause=("local_shutdown",),
           timeline=("shut_down",))
NOBODY = dict(program="unix_own", first_close=("none",), peer=None, action=(), cause=("not_connected",),
              timeline=())

UNIX_STREAMS = [
    unix_read("unix_close", "--variant", "close", "--repeat", "2"),
    unix_read("unix_default", "--variant", "close", sigpipe="killed"),
    unix_read("unix_handler", "--variant", "close", "--sigpipe", "handler", sigpipe="handled"),
    unix_read("unix_block", "--variant", "close", "--sigpipe", "block", sigpipe="blocked"),
    unix_read("unix_nosignal", "--variant", "close", "--sigpipe", "nosignal", sigpipe="suppressed"),
    unix_read("unix_write", "--variant", "close", "--call", "write"),
    unix_read("unix_path", "--variant", "close", "--named", "path"),
    unix_read("unix_abstract", "--variant", "exit", "--named", "abstract", action=("exit",)),
    unix_read("unix_long_path", "--variant", "exit", "--named", "long", action=("exit",)),
    unix_read("unix_path_accepted", "--variant", "close", "--named", "path", "--victim-accepts"),
    unix_read("unix_exit", "--variant", "exit", action=("exit",)),
    unix_read("unix_killed", "--variant", "killed", action=("killed",), cause=("unix_peer_died",)),
    unix_read("unix_peer_shuts_reading", "--variant", "shutdown", action=("shutdown",),
              timeline=("shut_down",)),
    unix("unix_unread_recv", ["--variant", "close", *UNREAD], STREAM_RESET, sigpipe="ignored",
         cause=("unix_peer_unread_data",)),
    # A stream's send looks at the shutdown that came with the reset before it looks at the error.
    unix("unix_unread_send", ["--variant", "close", "--named", "path", "--repeat", "1", *IGNORE],
         [("EPIPE", "sendto", 1)], sigpipe="ignored", cause=("unix_peer_unread_data",)),
    unix("unix_unread_blocked", ["--variant", "blocked", "--repeat", "1", *IGNORE], SEND_RESET,
         sigpipe="ignored", cause=("unix_peer_unread_data",)),
    unix("unix_unread_exit", ["--variant", "exit", *UNREAD], STREAM_RESET, sigpipe="ignored",
         action=("exit",), cause=("unix_peer_unread_data",)),
    unix("unix_unread_killed", ["--variant", "killed", "--reads"], STREAM_RESET[:1],
         action=("killed",), cause=("unix_peer_died",)),
    unix("unix_listener", ["--variant", "listener", "--named", "path", "--bytes", "0", *UNREAD],
         STREAM_RESET, sigpipe="ignored"),
    unix("unix_listener_unread", ["--variant", "listener", "--named", "path", *UNREAD], STREAM_RESET,
         sigpipe="ignored", cause=("unix_peer_unread_data",)),
    unix_read("unix_unaccepted_killed", "--variant", "unaccepted", "--named", "path", action=("killed",),
              cause=("unix_peer_died",)),
    unix("unix_own_shutdown", ["--variant", "shutdown", "--repeat", "2", *IGNORE],
         [("EPIPE", "sendto", 2)], sigpipe="ignored", **OWN),
    unix("unix_unconnected", ["--variant", "unconnected", "--repeat", "2"], [("ENOTCONN", "sendto", 2)],
         **NOBODY),
    unix_read("unix_passed", "--variant", "passed", program="unix_handed"),
    unix_read("unix_shared", "--variant", "shared", program="unix_handed"),
    unix_read("unix_in_flight", "--variant", "flight", program="unix_handed",
              cause=("unix_peer_unread_data",)),
    # Who happens to be there when the kernel clears it away has no part in it.
    unix_read("unix_collected", "--variant", "collected", program="unix_handed", peer=None, action=(),
              cause=("unix_peer_unread_data",)),
    unix_read("unix_old_gone", "--variant", "close", "--hold", "gone", when="old", peer=None, action=(),
              confidence=("likely",), timeline=()),
    unix_read("unix_old_open", "--variant", "close", "--hold", "open", when="old"),
]

UNIX_MESSAGES = [
    unix_read("seqpacket_close", "--variant", "close", *SEQPACKET, sigpipe="none"),
    unix_read("seqpacket_exit", "--variant", "exit", "--named", "abstract", *SEQPACKET, sigpipe="none",
              action=("exit",)),
    unix_read("seqpacket_peer_shuts_reading", "--variant", "shutdown", *SEQPACKET, sigpipe="none",
              action=("shutdown",), timeline=("shut_down",)),
    unix("seqpacket_unread", ["--variant", "close", "--repeat", "2", *SEQPACKET], SEND_RESET,
         cause=("unix_peer_unread_data",)),
    unix("seqpacket_killed", ["--variant", "killed", "--repeat", "2", *SEQPACKET], SEND_RESET,
         action=("killed",), cause=("unix_peer_died",)),
    unix("seqpacket_own_shutdown", ["--variant", "shutdown", "--repeat", "1", *SEQPACKET],
         [("EPIPE", "sendto", 1)], **OWN),
    unix("seqpacket_unconnected", ["--variant", "unconnected", "--repeat", "1", *SEQPACKET],
         [("ENOTCONN", "sendto", 1)], **NOBODY),
    unix("dgram_close", ["--variant", "close", "--bytes", "0", "--repeat", "2", *DGRAM], DGRAM_GONE),
    unix("dgram_exit", ["--variant", "exit", "--named", "path", "--bytes", "0", "--repeat", "2", *DGRAM],
         DGRAM_GONE, action=("exit",)),
    unix("dgram_killed", ["--variant", "killed", "--named", "abstract", "--repeat", "1", *DGRAM],
         DGRAM_GONE[:1], action=("killed",), cause=("unix_peer_died",)),
    unix_read("dgram_peer_shuts_reading", "--variant", "shutdown", *DGRAM, sigpipe="none",
              action=("shutdown",), timeline=("shut_down",)),
    unix("dgram_own_shutdown", ["--variant", "shutdown", "--repeat", "1", *DGRAM],
         [("EPIPE", "sendto", 1)], **OWN),
    unix("dgram_nobody", ["--variant", "nobody", "--named", "path", "--repeat", "1", *DGRAM],
         [("ECONNREFUSED", "sendto", 1)], **{**NOBODY, "cause": ("connection_refused",)},
         severity=("warning",)),
]

# What comes between the two ends. Each has network namespaces of its own.
NO_CLOSE = dict(first_close=("none",), action=("none",))
FORGOTTEN = dict(sigpipe="ignored", flags="RST", action=("abort", "close"), idle=True)


def filtered(name, variant, *arguments, **changes):
    """A packet filter on this host rejects what the victim sends."""
    values = dict(flags="RST", timeline=("packet_filtered", "rst_received"), sigpipe="ignored", **NO_CLOSE)
    values.update(changes)
    return reset(name, "filtered", ("--variant", variant, "--repeat", "1", *IGNORE, *arguments), WRITE_RESET,
                 "firewall_reset", **values)


def filtered_syn(name, variant):
    return reset(name, "filtered", ("--variant", variant), [("ECONNREFUSED", "connect", 1)], "firewall_reset",
                 rst="SYN_SENT", first_close=("none",), peer=None, timeline=("packet_filtered", "rst_received"))


def forged(name, variant, *arguments, **changes):
    values = dict(flags="RST", **NO_CLOSE)
    values.update(changes)
    return reset(name, "forged", ("--variant", variant, *arguments), READ_RESET, "forged_reset", **values)


BETWEEN = [
    reset("race", "race", ("--variant", "crossing", *IGNORE), [("EPIPE", "sendto", 1)], "close_race",
          severity=("warning",), sigpipe="ignored", rst="CLOSE_WAIT", action=("close",), timeline=CLASSIC_EVENTS),
    reset("race_full_window", "race", ("--variant", "full", "--repeat", "1", *IGNORE), WRITE_RESET, "close_race",
          severity=("warning",), sigpipe="ignored", flags="RST", action=("close",)),
    filtered("filtered_output", "output"),
    filtered("filtered_output_ipv6", "output", "--ipv6"),
    filtered("filtered_input_netns", "input", "--netns"),
    filtered_syn("filtered_syn", "syn"),
    filtered_syn("filtered_syn_input", "syn_input"),
    # What a filter dropped just before is not why the peer threw the connection away.
    reset("filtered_then_aborted", "filtered", ("--variant", "dropped", "--repeat", "1", *IGNORE), WRITE_RESET,
          "peer_abortive_close", sigpipe="ignored", action=("abort", "close")),
    # Nor does it matter that its RST was lost, and another answered what was sent later.
    reset("filtered_abort", "filtered", ("--variant", "lost", "--repeat", "1", *IGNORE), WRITE_RESET,
          "peer_abortive_close", sigpipe="ignored", flags="RST", action=("abort", "close")),
    forged("forged_other_ttl", "ttl", ttl=33),
    forged("forged_own_ttl", "same", "--netns"),
    forged("forged_twice", "twice", ttl=33),
    Case("forged_outside_window", "forged", ("--variant", "outside"), peer=None),
    reset("forgotten_idle", "forgotten", ("--variant", "idle", "--repeat", "1", *IGNORE), WRITE_RESET,
          "idle_connection_reset", slow=True, **FORGOTTEN),
    reset("forgotten", "forgotten", ("--repeat", "1", *IGNORE), WRITE_RESET, "peer_reset", **FORGOTTEN),
]

HEALTHY = [
    Case("innocent", "innocent", peer=None),
    Case("innocent_ipv6", "innocent", ("--ipv6", "--victim-accepts"), peer=None),
]

OLD = [
    classic("old_gone", IGNORE, program="old_endpoint", when="old", peer=None, action=(),
            fin_from_state=True, idle=False),
    classic("old_open", ["--variant", "open", *IGNORE], program="old_endpoint", when="old", idle=False),
    Case("old_told", "old_endpoint", ("--variant", "told", "--repeat", "2", *IGNORE),
         errors=(("EPIPE", "sendto", 2),), sigpipe="ignored", cause=("write_after_error",),
         confidence=("likely",), first_close=(None,), peer=None, when="old"),
    # The error waited on the socket, and with it went the last trace of what had raised it.
    Case("old_pending", "old_endpoint", ("--variant", "pending", "--repeat", "1", *IGNORE),
         errors=(("ECONNRESET", "recvfrom", 1), ("EPIPE", "sendto", 1)), sigpipe="ignored",
         cause=("unknown",), confidence=("unknown",), severity=("warning",), first_close=(None,),
         peer=None, when="old", says=("older than the trace",)),
]

OF_PID = [
    classic("pid_old_gone", [*IGNORE, "--repeat", "1"], program="old_endpoint", when="pid", peer=None,
            action=(), count=2, fin_from_state=True, idle=False),
    classic("pid_old_open", ["--variant", "open"], program="old_endpoint", when="pid", fate="killed",
            idle=False),
    Case("pid_old_told", "old_endpoint", ("--variant", "told", "--repeat", "1"),
         errors=(("EPIPE", "sendto", 1),), sigpipe="killed", cause=("write_after_error",),
         confidence=("likely",), first_close=(None,), peer=None, when="pid"),
    classic("pid_python", ["--hold"], program="python", when="pid", peer=None, action=(),
            fin_from_state=True, comm="python3"),
]

CASES = [*CLASSIC, *RESETS, *BETWEEN, *SILENCE, *UNREACHABLE, *DESTROYED, *LOCAL, *MPTCP, *PIPES,
         *UNIX_STREAMS, *UNIX_MESSAGES, *ORIGINS, *HEALTHY, *OLD, *OF_PID]
BY_NAME = {case.name: case for case in CASES}
