"""What the tests of `pipetrace serve` share: one that is ready, and a victim of another user's."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "live"), str(ROOT / "tests" / "monitor")]

import caps  # noqa: E402
import live  # noqa: E402
from live import LiveTest  # noqa: E402
from tracer import Tracer  # noqa: E402

PYTHON = "/usr/bin/python3"
SOMEBODY = 12345  # a user of the victim's, neither root nor who serves


def fields_of(path):
    """NAME: VALUE of each line of a /proc/PID/status."""
    return dict(line.split(":\t", 1) for line in Path(path).read_text().splitlines() if ":\t" in line)


class ServeTest(LiveTest):
    def setUp(self):
        super().setUp()
        self.state = self.directory / "state"
        self.state.mkdir(mode=0o700)
        self.recording = self.state / "recording.db"

    def serve(self, *arguments, program=live.PIPETRACE, **options):
        """A `pipetrace serve` that is ready and keeps its recording to itself."""
        command = [program, "serve", "--json", "--recording", self.recording, *arguments]
        tracer = Tracer(command, **options)
        self.addCleanup(tracer.__exit__)
        self.assertTrue(tracer.wait_ready(live.READY_SECONDS), f"not ready: {tracer.stderr()}")
        return tracer

    def serve_as_nobody(self, *names, arguments=()):
        """The same, run by an ordinary user who has these capabilities."""
        os.chown(self.state, live.NOBODY, live.NOBODY)
        return self.serve(*arguments, program=self.program_for_all(live.PIPETRACE), cwd="/",
                          preexec_fn=lambda: caps.become(live.NOBODY, names))

    def victim(self, prepare=lambda: None):
        """A process of SOMEBODY's that has met EPIPE and lives on; ended with the test."""
        def become_somebody():
            prepare()
            os.setgroups([])
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
        script = self.directory / "victim.py"
        script.write_text((ROOT / "tests/monitor/victim.py").read_text())
        script.chmod(0o644)
        process = subprocess.Popen([PYTHON, "-I", "-S", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, preexec_fn=become_somebody, cwd="/")
        self.addCleanup(process.communicate, timeout=live.COMMAND_SECONDS)
        self.assertEqual(int(process.stdout.readline()), process.pid)
        return process.pid

    def told_of(self, tracer, pid):
        return self.incident_of(tracer, {"victim": {"pid": pid}})
