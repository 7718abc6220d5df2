"""The second source: what the kernel's own tracepoints say, read through tracefs, not through BPF."""
import os
import re
import subprocess
from pathlib import Path

from warden import END_INSTANCE, Warden

EVENTS = {"tcp/tcp_receive_reset": None, "tcp/tcp_send_reset": None, "signal/signal_generate": "sig == 13"}
RESET_RECEIVED = re.compile(r"tcp_receive_reset: .*\bsport=(\d+) dport=(\d+)")
RESET_SENT = re.compile(r"tcp_send_reset: .*\bsrc=\S*:(\d+) dest=\S*:(\d+)(?: .*?reason=(\S+))?")
# A program may call itself anything; what follows its name does not depend on it.
SIGPIPE = re.compile(r"signal_generate: sig=13 .* pid=(\d+) grp=\d+ res=\d+$")


class KernelEvents:
    """A tracefs instance of its own, on a mount of its own."""

    def __init__(self, directory):
        self._mount = Path(directory) / ".tracefs"
        self._mount.mkdir()
        subprocess.run(["mount", "-t", "tracefs", "none", self._mount], check=True, timeout=10)
        self.name = f"pipetrace-apps-{os.getpid()}"
        self._instance = self._mount / "instances" / self.name
        self._instance.mkdir()
        self._warden = Warden(END_INSTANCE, self._instance)
        for event, condition in EVENTS.items():
            if condition:
                (self._instance / "events" / event / "filter").write_text(condition)
            (self._instance / "events" / event / "enable").write_text("1")

    def instances(self):
        """The names of all there are."""
        return os.listdir(self._mount / "instances")

    def lines(self):
        return (self._instance / "trace").read_text(errors="replace").splitlines()

    def _matches(self, pattern):
        return [match.groups() for match in map(pattern.search, self.lines()) if match]

    def resets_received(self):
        """[(local port, remote port)] of each RST that a socket here received."""
        return [(int(local), int(remote)) for local, remote in self._matches(RESET_RECEIVED)]

    def resets_sent(self):
        """[(local port, remote port, reason or None)] of each RST that this kernel sent."""
        return [(int(local), int(remote), reason) for local, remote, reason in self._matches(RESET_SENT)]

    def sigpipes(self):
        """[pid or thread id] of each SIGPIPE generated."""
        return [int(pid) for (pid,) in self._matches(SIGPIPE)]

    def close(self):
        for event in EVENTS:
            (self._instance / "events" / event / "enable").write_text("0")
        self._instance.rmdir()
        self._warden.release()
        subprocess.run(["umount", self._mount], check=True, timeout=10)
        self._mount.rmdir()
