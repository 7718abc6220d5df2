"""The cases whose connection ends without a RST: silence, ICMP, and destruction from outside."""
from case import IGNORE, Case


def silent(name, program, arguments, errors, cause, **changes):
    """The network is silent, or says by ICMP that there is no way: no RST, and nobody closed."""
    values = dict(program=program, arguments=tuple(arguments), errors=tuple(errors), cause=(cause,),
                  first_close=("none",), action=("none",), timeline=("error_raised",), slow=True)
    values.update(changes)
    return Case(name, **values)


def taken_by(errno, *syscalls):
    """One error: reported once, and then EPIPE."""
    return [(errno, syscalls[0], 1), *(("EPIPE", syscall, 1) for syscall in syscalls[1:])]


# Where no connection came about, no process stands at the other end.
NEVER_CONNECTED = dict(peer=None, action=())

SILENCE = [
    silent("timeout", "silence", ["--variant", "retransmission", "--repeat", "1", *IGNORE],
           taken_by("ETIMEDOUT", "recvfrom", "sendto"), "retransmission_timeout", sigpipe="ignored",
           says=("5 bytes",)),
    silent("timeout_late", "silence", ["--variant", "retransmission", "--late", "--repeat", "1"],
           taken_by("ETIMEDOUT", "sendto", "sendto"), "retransmission_timeout", sigpipe="killed"),
    silent("timeout_probes", "silence", ["--variant", "probes"], taken_by("ETIMEDOUT", "recvfrom"),
           "retransmission_timeout", says=("window closed",)),
    silent("timeout_syn", "silence", ["--variant", "syn"], taken_by("ETIMEDOUT", "connect"),
           "retransmission_timeout", says=("never answered", "sent 2 times"), **NEVER_CONNECTED),
    # The limit of SYNs passes long before the program's own.
    silent("timeout_syn_user", "silence", ["--variant", "syn_user", "--nonblock", "--repeat", "1", *IGNORE],
           taken_by("ETIMEDOUT", "getsockopt", "sendto"), "retransmission_timeout", sigpipe="ignored",
           says=("never answered",), **NEVER_CONNECTED),
    silent("user_timeout", "silence", ["--variant", "user"], taken_by("ETIMEDOUT", "recvfrom"),
           "user_timeout", says=("400.0 ms",)),
    silent("user_timeout_asked", "silence", ["--variant", "user", "--nonblock", "--repeat", "1"],
           taken_by("ETIMEDOUT", "getsockopt", "sendto"), "user_timeout", sigpipe="killed"),
    silent("user_timeout_idle", "silence", ["--variant", "user_idle"], taken_by("ETIMEDOUT", "recvfrom"),
           "user_timeout"),
    silent("keepalive_timeout", "silence", ["--variant", "keepalive", "--repeat", "1", *IGNORE],
           taken_by("ETIMEDOUT", "recvfrom", "sendto"), "keepalive_timeout", sigpipe="ignored",
           says=("no keepalive probe",)),
]

UNREACHABLE = [
    silent("unreachable_host", "unreachable", ["--variant", "host"], taken_by("EHOSTUNREACH", "connect"),
           "unreachable", **NEVER_CONNECTED),
    silent("unreachable_net", "unreachable", ["--variant", "net", "--nonblock", "--repeat", "1", *IGNORE],
           taken_by("ENETUNREACH", "getsockopt", "sendto"), "unreachable", sigpipe="ignored",
           **NEVER_CONNECTED),
    silent("unreachable_port", "unreachable", ["--variant", "port"], taken_by("ECONNREFUSED", "connect"),
           "unreachable", says=("port unreachable",), **NEVER_CONNECTED),
    silent("unreachable_protocol", "unreachable", ["--variant", "protocol"],
           taken_by("ENOPROTOOPT", "connect"), "unreachable", **NEVER_CONNECTED),
    silent("unreachable_route", "unreachable", ["--variant", "route"], taken_by("ENETUNREACH", "connect"),
           "unreachable", **NEVER_CONNECTED),
    silent("unreachable_neighbour", "unreachable", ["--variant", "neighbour"],
           taken_by("EHOSTUNREACH", "connect"), "unreachable", **NEVER_CONNECTED),
    silent("unreachable_in_the_end", "unreachable", ["--variant", "soft", "--repeat", "1", *IGNORE],
           taken_by("EHOSTUNREACH", "recvfrom", "sendto"), "unreachable", sigpipe="ignored"),
    silent("unreachable_told", "unreachable", ["--variant", "told"], taken_by("ENOPROTOOPT", "recvfrom"),
           "unreachable", slow=False, outlived=True),
]


def destroyed(name, arguments, errors, **changes):
    values = dict(program="destroyed", arguments=tuple(arguments), errors=tuple(errors),
                  cause=("local_abort",), severity=("warning",), first_close=("local",), action=("none",),
                  timeline=("closed", "error_raised"), says=("destroyer[",),
                  # Its end is sent a RST.
                  peer_cause=("peer_abortive_close",))
    values.update(changes)
    return Case(name, **values)


DESTROYED = [
    destroyed("destroyed", ["--repeat", "1", *IGNORE], taken_by("ECONNABORTED", "recvfrom", "sendto"),
              sigpipe="ignored"),
    destroyed("destroyed_late", ["--late", "--repeat", "1"], taken_by("ECONNABORTED", "sendto", "sendto"),
              sigpipe="killed"),
    destroyed("destroyed_connecting", ["--variant", "connecting"], taken_by("ECONNABORTED", "connect"),
              peer_cause=(), **NEVER_CONNECTED),
    destroyed("destroyed_server", ["--variant", "told", "--victim-accepts"],
              taken_by("ECONNABORTED", "recvfrom")),
]
