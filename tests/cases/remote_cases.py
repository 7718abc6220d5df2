"""The cases whose peer is on another host, of which nothing is seen but its segments.

The same table as cases.py, and the same judge. What the other host's process did is never
claimed: a RST in ESTABLISHED is peer_reset with its candidates, whatever drew it there.
"""
from dataclasses import replace

from case import EITHER_RST, IGNORE, Case
from origin_cases import answer, origin
from silence_cases import taken_by

# What a peer on this host would have shown.
UNSEEN = ("peer_closed_unread_data", "peer_abortive_close", "peer_process_died")
DEATH = ("EPIPE", "sendto", 1)
READ_RESET = (("ECONNRESET", "recvfrom", 1),)
WRITE_RESET = (("ECONNRESET", "sendto", 1), DEATH)


def remote(name, variant, errors, cause, *, arguments=IGNORE, **changes):
    values = dict(program="remote", arguments=("--variant", variant, *arguments), errors=tuple(errors),
                  cause=(cause,) if cause else (), confidence=("likely",), rst="ESTABLISHED",
                  peer=None, rejected=UNSEEN, timeline=("rst_received",))
    values.update(changes)
    return Case(name, **values)


def after_fin(name, variant, **changes):
    """The peer's FIN came first; its process may as well have been killed."""
    values = dict(errors=(DEATH,), cause="write_after_peer_close", confidence=("certain",),
                  sigpipe="ignored", rst="CLOSE_WAIT", timeline=("fin_received", "rst_received"),
                  idle=True)
    values.update(changes)
    return remote(name, variant, **values)


def silence(name, variant, errors, cause, **changes):
    """No RST: nothing comes, or ICMP."""
    values = dict(confidence=("certain",), rst=None, first_close=("none",), rejected=(), timeline=("error_raised",),
                  slow=True)
    values.update(changes)
    return remote(name, variant, errors, cause, **values)


def as_remote(case):
    return replace(case, program="remote")


ORIGINS = [
    as_remote(origin("remote_origin_unread", "origin_unread", "closed_with_unread_data")),
    as_remote(origin("remote_origin_linger0", "origin_linger0", "abortive_close")),
    as_remote(answer("remote_origin_late", "origin_late", "late_data_after_close", severity=("benign",),
                     rst="TIME_WAIT", timeline=("closed", "segment_received", "rst_sent"))),
    as_remote(answer("remote_origin_syn", "origin_syn", "no_socket", nobody=True, first_close=("none",),
                     flags="RST|ACK")),
]

REMOTE = [
    after_fin("remote_close", "close"),
    after_fin("remote_close_default", "close", arguments=(), sigpipe="killed"),
    after_fin("remote_killed", "killed"),
    after_fin("remote_race", "race", cause="close_race", severity=("warning",), idle=False),
    # The peer had sent all of its own and then threw away what lay unread: no race of a write.
    after_fin("remote_half_unread", "half_unread", cause="peer_reset", confidence=("likely",),
              flags=EITHER_RST, idle=False),
    # It had closed one half only: the write after its FIN was taken, and is not what drew the RST.
    after_fin("remote_half_written", "half_written", cause="peer_reset", confidence=("likely",),
              flags=EITHER_RST, idle=False),
    remote("remote_unread", "unread", READ_RESET, "peer_reset"),
    remote("remote_killed_unread", "killed_unread", READ_RESET, "peer_reset"),
    remote("remote_abort", "abort", WRITE_RESET, "peer_reset", arguments=(*IGNORE, "--repeat", "1"),
           sigpipe="ignored"),
    # Accepted, carried nothing, reset within moments: as health checks do. The judge knows how long that may be.
    remote("remote_dials_us", "dial", READ_RESET, "peer_reset", severity=("benign",)),
    remote("remote_forgot", "forget", WRITE_RESET, "peer_reset", flags="RST",
           arguments=(*IGNORE, "--repeat", "1"), sigpipe="ignored", idle=True),
    # As the ones before, after a silence: the peer, or who stood between, no longer knew of it.
    remote("remote_forgot_idle", "forget_idle", WRITE_RESET, "idle_connection_reset", flags="RST",
           arguments=(*IGNORE, "--repeat", "1"), sigpipe="ignored", idle=True, slow=True),
    # Its TTL alone speaks against it: who closed first is not known.
    remote("remote_forged", "forge", READ_RESET, "forged_reset", flags="RST", ttl=33, first_close=(None,)),
    # Nothing tells it from the peer's own, and its double is no answer to anything.
    remote("remote_forged_twice", "forge_twice", READ_RESET, "peer_reset", flags="RST"),
    remote("remote_filtered", "filter", WRITE_RESET, "firewall_reset", flags="RST", confidence=("certain",),
           arguments=(*IGNORE, "--repeat", "1"), sigpipe="ignored", first_close=("none",),
           timeline=("packet_filtered", "rst_received")),
    # What the filter here had dropped is not why the peer aborted.
    remote("remote_filtered_then_aborted", "filter_abort", WRITE_RESET, "peer_reset",
           arguments=(*IGNORE, "--repeat", "1"), sigpipe="ignored"),
    remote("remote_refused", "refused", [("ECONNREFUSED", "connect", 1)], "connection_refused",
           severity=("warning",), rst="SYN_SENT", first_close=("none", "peer", None)),
    silence("remote_silence", "silence", taken_by("ETIMEDOUT", "recvfrom"), "retransmission_timeout"),
    silence("remote_silence_user_timeout", "silence_user_timeout", taken_by("ETIMEDOUT", "recvfrom"),
            "user_timeout", says=("1.000 s",)),
    silence("remote_silence_keepalive", "silence_keepalive", taken_by("ETIMEDOUT", "recvfrom"),
            "keepalive_timeout"),
    silence("remote_deaf", "deaf", taken_by("ETIMEDOUT", "connect"), "retransmission_timeout",
            says=("never answered", "sent 2 times")),
    silence("remote_icmp", "icmp", taken_by("EHOSTUNREACH", "recvfrom"), "unreachable"),
    silence("remote_icmp_host", "icmp_host", taken_by("EHOSTUNREACH", "connect"), "unreachable"),
    silence("remote_icmp_port", "icmp_port", taken_by("ECONNREFUSED", "connect"), "unreachable",
            says=("port unreachable",)),
    *ORIGINS,
    remote("remote_healthy", "answer", [], None, rst=None, first_close=(), rejected=()),
]

REMOTE_BY_NAME = {case.name: case for case in REMOTE}
