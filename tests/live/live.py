"""What the live tests share: the program under test, provokers, and the skip of those without root."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "cases"), str(ROOT / ".ci")]

from judge import load_validator  # noqa: E402
from judge_skips import PRESENT  # noqa: E402
from tracer import Tracer  # noqa: E402

PIPETRACE = os.environ.get("PIPETRACE", str(ROOT / "build/release/pipetrace"))
PROVOKERS = Path(os.environ.get("PROVOKERS", ROOT / "build/release/tests/provokers/bin"))
VALIDATOR = load_validator(ROOT / "tests" / "schema" / "incident.schema.json")

SKIPPED = 77
NOBODY = 65534
COMMAND_SECONDS = 30
READY_SECONDS = 10
INCIDENT_SECONDS = 8


def needs(*names):
    """End this test program, saying why, where the machine lacks something."""
    for name in names:
        if not PRESENT[name]():
            print(f"skipped: needs {name}: this machine or user has it not")
            sys.exit(SKIPPED)


def main(*wanted):
    needs("root", *wanted)
    unittest.main(verbosity=2, module="__main__")


def as_nobody():
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def wait_for(condition, seconds, what):
    """Poll a condition of the kernel's that nothing announces; return its first true value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
    return value


def run(*arguments, **options):
    """Run pipetrace to its end, bounded; return the completed process."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True,
               "timeout": COMMAND_SECONDS, **options}
    prefix = options.pop("prefix", [])
    program = options.pop("program", PIPETRACE)
    return subprocess.run([*prefix, program, *map(str, arguments)], check=False, **options)


def provoke(program, *arguments, prefix=()):
    """Run a provoker to its end; return its truth."""
    done = subprocess.run([*prefix, str(PROVOKERS / program), *arguments], check=True, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS)
    return json.loads(done.stdout.splitlines()[-1])


class Held:
    """old_endpoint: connected and waiting to be released."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([str(PROVOKERS / "old_endpoint"), *arguments], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())

    def port(self, end):
        return int(self.ready[end].rsplit(":", 1)[1])

    def release(self):
        out, _ = self.process.communicate("x", COMMAND_SECONDS)
        return json.loads(out.splitlines()[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()


class LiveTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="pipetrace-live-"))
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory)

    def trace(self, *arguments, prefix=(), **options):
        """A pipetrace that is ready; ended with the test at the latest. `prefix` is a command that becomes it."""
        tracer = Tracer([*prefix, PIPETRACE, *arguments], **options)
        self.addCleanup(tracer.__exit__)
        self.assertTrue(tracer.wait_ready(READY_SECONDS), f"not ready: {tracer.stderr()}")
        return tracer

    def incident_of(self, tracer, truth, seconds=INCIDENT_SECONDS):
        """Wait for the incident of that victim; return it, valid by the schema."""
        pid = truth["victim"]["pid"]
        self.assertTrue(tracer.wait_incident(lambda found: found["process"]["pid"] == pid, seconds),
                        f"no incident of pid {pid}: {tracer.lines} {tracer.stderr()}")
        own = [found for found in tracer.last_revisions() if found["process"]["pid"] == pid]
        self.assertEqual(len(own), 1)
        self.assert_valid(own[0])
        return own[0]

    def told_of(self, *command):
        """What is told of that command and its children, by the victim's name, in order of printing."""
        out = self.directory / "incidents"
        done = run("run", "--json", "-o", out, "--", *command)
        self.assert_status(0, done)
        incidents = list({found["id"]: found for found in map(json.loads, out.read_text().splitlines())}.values())
        for incident in incidents:
            self.assert_valid(incident)
        return {incident["process"]["comm"]: incident for incident in incidents}

    def assert_valid(self, incident):
        self.assertIsNotNone(VALIDATOR, "python3-jsonschema is not installed")
        self.assertEqual([f"{error.json_path}: {error.message}"
                          for error in VALIDATOR.iter_errors(incident)], [])

    def assert_status(self, status, done):
        self.assertEqual(done.returncode, status, f"stdout: {done.stdout}\nstderr: {done.stderr}")

    def stop(self, tracer, *arguments):
        status, seconds = tracer.stop(*arguments)
        self.assertEqual(status, 0, tracer.stderr())
        return seconds

    def program_for_all(self, path):
        """A copy that any user can run, wherever the build directory lies."""
        copy = self.directory / Path(path).name
        shutil.copy(path, copy)
        copy.chmod(0o755)
        return str(copy)
