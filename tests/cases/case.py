"""What a case is: how a failure is provoked and what its incident must say."""
from dataclasses import dataclass

IGNORE = ("--sigpipe", "ignore")
# The peer's abort, and its kernel's answer to data that was under way: on two CPUs either may come first.
EITHER_RST = ("RST|ACK", "RST")
READ_RESET = (("ECONNRESET", "recvfrom", 1),)
WRITE_RESET = (("ECONNRESET", "sendto", 1), ("EPIPE", "sendto", 1))


@dataclass(frozen=True)
class Case:
    name: str
    program: str  # a provoker, or "python" for the two Python programs
    arguments: tuple = ()
    errors: tuple = ()
    sigpipe: str = "none"
    cause: tuple = ()  # empty: no incident at all may be printed
    confidence: tuple = ("certain",)
    severity: tuple = ("fault",)
    rst: str | None = None  # state of the victim's socket when the RST came; None: no RST
    first_close: tuple = ("peer",)
    peer: str | None = "named"  # named, or None: must be null
    action: tuple = ()
    timeline: tuple = ()  # events that must be in it
    kind: str = "tcp"
    # origin: the program's own kernel sent the RST that the peer meets; nobody: no program had a part in it.
    role: str = "victim"
    nobody: bool = False
    # live: begins under a system-wide tracer. old: begins before it. pid: before `pipetrace -p`.
    when: str = "live"
    flags: str | tuple | None = None  # of the RST, or those it may have; None: as the state implies
    ttl: int = 64  # of the RST: one host, or no router between two
    rejected: tuple = ()  # rivals that the verdict must name
    says: tuple = ()  # words that the summary must contain
    peer_cause: tuple = ()  # the peer fails too, and what its own incident must say; empty: it must have none
    outlived: bool = False  # the connection goes on after the error
    slow: bool = False  # waits for seconds: begun before the others, ended after them
    fin_from_state: bool = False
    idle: bool = False  # idle_us must lie within the bounds of the truth line
    comm: str = "victim"
    thread: str | None = None
    since: tuple = (0, 0)  # the first kernel that has what it needs


def reset(name, program, arguments, errors, cause, **changes):
    """The peer ended the connection by a RST while it was established."""
    values = dict(program=program, arguments=tuple(arguments), errors=tuple(errors),
                  cause=cause if isinstance(cause, tuple) else (cause,), rst="ESTABLISHED",
                  timeline=("rst_received",))
    values.update(changes)
    return Case(name, **values)


# They make network namespaces whatever their arguments, or end sockets that are not theirs.
ROOT_PROGRAMS = ("silence", "unreachable", "destroyed", "filtered", "forged", "forgotten", "stranger")


def needs_root(case):
    return "--netns" in case.arguments or case.program in ROOT_PROGRAMS
