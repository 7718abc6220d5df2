"""pipetrace in front of a person: on a pseudo-terminal, all that it writes kept."""
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from fcntl import ioctl

import live
from live import PIPETRACE, LiveTest

COLUMNS = 80
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """pipetrace on a pseudo-terminal, 80 columns wide; all that it writes is kept."""

    def __init__(self, *arguments, **environment):
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        base = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        self.process = subprocess.Popen(
            [PIPETRACE, *arguments], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**base, "TERM": "xterm-256color", **environment})
        os.close(slave)
        self.seen = b""

    def read_until(self, pattern, seconds):
        """Keep reading until the pattern has come; whether it did."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            if not ready or not self._read():
                return bool(re.search(pattern, self.seen))
        return True

    def _read(self):
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the other end is closed
            data = b""
        self.seen += data
        return data

    def end(self):
        self.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + live.COMMAND_SECONDS
        while time.monotonic() < deadline and self._read():
            pass
        return self.process.wait(live.COMMAND_SECONDS)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


class TerminalTest(LiveTest):
    def terminal(self, *arguments, **environment):
        terminal = Terminal(*arguments, **environment)
        self.addCleanup(terminal.close)
        self.assertTrue(terminal.read_until(rb"pipetrace: tracing", live.READY_SECONDS), terminal.seen)
        return terminal
