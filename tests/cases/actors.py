"""The programs that fail: provokers and the two Python programs, run to their truth line."""
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUN_SECONDS = 45  # more than any provoker's own alarm
HOLD_SECONDS = 185


class Failed(Exception):
    """The program that should provoke a failure did not."""


class Provoker:
    """A provoker program; with a holding point it is started, released and finished apart."""

    def __init__(self, case, directory):
        self.holds = case.program == "old_endpoint" or "--hold" in case.arguments
        self.process = subprocess.Popen(
            [str(Path(directory) / case.program), *case.arguments], text=True,
            stdin=subprocess.PIPE if self.holds else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.pids = [self.process.pid]
        self.victim = None
        if self.holds:
            self.victim = json.loads(self._line())["victim"]["pid"]

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.process.args}: {self.process.stderr.read()}")
        return line

    def finish(self):
        """Release it if it holds; return its truth."""
        try:
            out, err = self.process.communicate("x" if self.holds else None,
                                                HOLD_SECONDS if self.holds else RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Failed(f"{self.process.args}: timed out") from None
        if self.process.returncode != 0 or not out.strip():
            raise Failed(f"{self.process.args}: status {self.process.returncode}: {err.strip()}")
        return json.loads(out.splitlines()[-1])

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class PythonPair:
    """classic_server.py and classic_client.py; with --hold the server is gone before the release."""

    def __init__(self, case, _directory):
        self.holds = "--hold" in case.arguments
        self.server = self._start("classic_server.py")
        self.peer = json.loads(self.server.stdout.readline())
        self.client = self._start("classic_client.py", str(self.peer["port"]), *case.arguments)
        self.pids = [self.server.pid, self.client.pid]
        self.victim = json.loads(self.client.stdout.readline())["victim"]["pid"]
        if self.holds:
            self.server.communicate(timeout=RUN_SECONDS)

    @staticmethod
    def _start(script, *arguments):
        return subprocess.Popen([sys.executable, str(HERE / script), *arguments], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self):
        try:
            out, err = self.client.communicate("x", RUN_SECONDS)
            if not self.holds:
                self.server.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Failed("the Python programs timed out") from None
        if self.client.returncode != 0 or self.server.returncode != 0:
            raise Failed(f"the Python programs failed: {err.strip()}")
        return {**json.loads(out.splitlines()[-1]),
                "peer": {"pid": self.peer["pid"], "tid": self.peer["pid"], "comm": self.peer["comm"]}}

    def stop(self):
        for process in (self.client, self.server):
            if process.poll() is None:
                process.kill()
            process.communicate()


def start(case, directory):
    return (PythonPair if case.program == "python" else Provoker)(case, directory)
