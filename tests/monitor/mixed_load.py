"""Known loads: failures of many kinds, counted by the programs that meet them; and what that must come to."""
import collections
import json
import os
import subprocess

UNLUCKY = 23456  # a user whose processes alone fail, and are counted

FAILURES = os.environ.get("FAILURES", "build/release/tests/monitor/bin/failures")
LOAD_SECONDS = 60

# kind, fate, repeats: what the incident of each victim must be called.
KINDS = {
    ("late", "ignored", 3): "write_after_peer_close",
    ("late", "killed", 1): "write_after_peer_close",
    ("late", "handled", 2): "write_after_peer_close",
    ("late", "blocked", 1): "write_after_peer_close",
    ("late", "suppressed", 2): "write_after_peer_close",
    ("unread", "none", 1): "peer_closed_unread_data",
    ("linger", "none", 1): "peer_abortive_close",
    ("refused", "none", 1): "connection_refused",
    ("pipe", "ignored", 4): "pipe_reader_closed",
    ("pipe", "killed", 1): "pipe_reader_closed",
    ("unix", "ignored", 2): "unix_peer_closed",
    ("unix", "killed", 1): "unix_peer_closed",
    ("unix", "suppressed", 1): "unix_peer_closed",
}
ERRNOS = ("EPIPE", "ECONNRESET", "ECONNREFUSED")
RESETS_EACH = {"late": 1, "unread": 1, "linger": 1, "refused": 1}  # received, by the victim


class Totals:
    """What the generator has counted so far."""

    def __init__(self):
        self.played = []

    def add(self, kind, fate, cause, count, truth):
        self.played.append((kind, fate, cause, count, truth))

    @property
    def resets(self):
        return sum(count * RESETS_EACH.get(kind, 0) for kind, _, _, count, _ in self.played)

    def told(self, observed):
        """What pipetrace must count of it, which makes these observations: a send that fails without a signal is
        seen by a hook on sends alone. Without, a RST is seen all the same, and that a call took its error, not
        how often others failed; between two programs of this host nothing is."""
        causes, processes, errors = collections.Counter(), collections.Counter(), collections.Counter()
        for kind, fate, cause, count, truth in self.played:
            hook = "unix_send_failed" if kind == "unix" else "send_failed"
            is_seen = fate != "suppressed" or hook in observed
            if is_seen or kind == "late":
                causes[cause] += count
                processes[truth["name"]] += count
            if kind == "late" and not is_seen:
                errors["EPIPE", "unknown"] += count
            for errno in ERRNOS if is_seen else ():
                errors[errno, fate] += truth[errno]
        return {"causes": dict(causes), "processes": dict(processes), "errors": dict(+errors)}


def play(totals, count, kinds=None):
    """One round: `count` victims of each kind, the kinds side by side, as UNLUCKY. Adds them to the totals."""
    started = []
    for (kind, fate, repeats), cause in (kinds or KINDS).items():
        command = ["setpriv", f"--reuid={UNLUCKY}", f"--regid={UNLUCKY}", "--clear-groups", FAILURES,
                   kind, fate, str(count), str(repeats)]
        started.append((kind, fate, cause, subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, cwd="/",
                                                            stdout=subprocess.PIPE)))
    for kind, fate, cause, process in started:
        out, _ = process.communicate(timeout=LOAD_SECONDS)
        if process.returncode != 0:
            raise AssertionError(f"the generator failed: {process.args}")
        totals.add(kind, fate, cause, count, json.loads(out))
