"""A systemd-journald of the test's own, Debian's: it listens below the /run of this mount namespace, and keeps what it
is sent there."""
import json
import os
import signal
import subprocess

import live

JOURNALD = "/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/socket"
SETTINGS = """[Journal]
Storage=volatile
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToWall=no
"""
START_SECONDS = 10


class Journald:
    def __init__(self):
        os.makedirs("/run/systemd/journald.conf.d", exist_ok=True)
        with open("/run/systemd/journald.conf.d/test.conf", "w", encoding="ascii") as settings:
            settings.write(SETTINGS)
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        self.process = subprocess.Popen([JOURNALD], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        live.wait_for(lambda: os.path.exists(SOCKET), START_SECONDS, "journald's socket")

    def stop(self):
        """It does not take its socket away: that refuses, as long as it lies there."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(START_SECONDS)

    def hold(self, held):
        self.process.send_signal(signal.SIGSTOP if held else signal.SIGCONT)


def journalctl(*arguments):
    done = subprocess.run(["journalctl", "--directory=/run/log/journal", "--no-pager", *arguments], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=live.COMMAND_SECONDS)
    return done.stdout.decode(errors="replace")  # an export has values as they are


def entries(*matches):
    """Of pipetrace, oldest first; a value that is no text is a list of its bytes."""
    out = journalctl("--output=json", "--all", "--identifier=pipetrace", *matches)
    return [json.loads(line) for line in out.splitlines()]


def as_bytes(value):
    return value.encode() if isinstance(value, str) else bytes(value)
