"""serve as a service: what the manager is told, and the configuration that is read again at SIGHUP."""
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import serving
from serving import ServeTest, live

BEAT_SECONDS = 2


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(str(path))
        path.chmod(0o777)
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(path)}

    def message(self, begins, seconds=live.READY_SECONDS):
        """The next message that begins so; (its lines, when it came)."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                lines = self.socket.recv(4096).decode().split("\n")
            except TimeoutError:
                break
            if lines[0] == begins:
                return lines, time.monotonic()
        raise AssertionError(f"the manager was not told {begins}")


class Service(ServeTest):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.directory / "notify")
        self.addCleanup(self.manager.socket.close)
        self.config = self.directory / "pipetrace.conf"

    def configure(self, text):
        self.config.write_text(text)
        self.config.chmod(0o644)

    def served(self, *arguments, **environment):
        tracer = self.serve(*arguments, env={**self.manager.environment, **environment})
        self.manager.message("READY=1")
        return tracer

    def reload(self, tracer):
        """What it says of a SIGHUP."""
        said = len(tracer.messages)
        tracer.process.send_signal(signal.SIGHUP)
        lines, _ = self.manager.message("RELOADING=1")
        self.assertRegex(lines[1], r"^MONOTONIC_USEC=\d+$")
        ready, _ = self.manager.message("READY=1")
        live.wait_for(lambda: len(tracer.messages) > said, 5, "a word on stderr")
        return "".join(tracer.messages[said:]), ready[1]

    def is_recorded(self, pid):
        """The recording keeps all, whatever the filter: has it been told of that process?"""
        with contextlib.closing(sqlite3.connect(f"file:{self.recording}?mode=ro", uri=True)) as database:
            return database.execute("SELECT COUNT(*) FROM incidents WHERE pid = ?", (pid,)).fetchone()[0] > 0

    def told(self, tracer, pid):
        return [found for found in tracer.last_revisions() if found["process"]["pid"] == pid]

    def test_ready_alive_and_ending(self):
        tracer = self.serve(env=self.manager.environment)
        self.manager.message("READY=1")
        tracer.process.send_signal(signal.SIGTERM)
        self.manager.message("STOPPING=1")
        self.assertEqual(tracer.wait_end(live.COMMAND_SECONDS), 0)

    def test_the_loop_beats_at_half_of_the_time(self):
        tracer = self.serve(preexec_fn=lambda: os.environ.update(self.manager.environment) or self.watch())
        times = [self.manager.message("WATCHDOG=1", 3 * BEAT_SECONDS)[1] for _ in range(3)]
        for earlier, later in zip(times, times[1:]):
            self.assertGreater(later - earlier, BEAT_SECONDS * 0.4)
            self.assertLess(later - earlier, 2 * BEAT_SECONDS, "the manager would have killed it")
        # A loop that hangs is silent.
        tracer.process.send_signal(signal.SIGSTOP)
        self.manager.socket.setblocking(False)
        try:
            while self.manager.socket.recv(4096):
                pass
        except BlockingIOError:
            pass
        with self.assertRaises(AssertionError):
            self.manager.message("WATCHDOG=1", 2 * BEAT_SECONDS)
        tracer.process.send_signal(signal.SIGCONT)
        self.manager.message("WATCHDOG=1", 2 * BEAT_SECONDS)
        self.stop(tracer)

    def watch(self):
        os.environ.update(WATCHDOG_USEC=str(2 * BEAT_SECONDS * 10**6), WATCHDOG_PID=str(os.getpid()))

    def test_a_reload_changes_whom_it_tells_of(self):
        self.configure("comm = nobody-of-that-name\n")
        tracer = self.served("--config", self.config)
        unwanted = self.victim()
        live.wait_for(lambda: self.is_recorded(unwanted), live.INCIDENT_SECONDS, "its incident in the recording")
        self.configure("comm = python3\nmetrics = \"127.0.0.1:0\"\n")
        text, status = self.reload(tracer)
        self.assertIn("applied comm", text)
        self.assertIn("metrics takes effect with a restart", text)
        self.assertIn("applied comm", status)
        wanted = self.victim()
        self.told_of(tracer, wanted)
        self.assertEqual(self.told(tracer, unwanted), [])
        self.stop(tracer)
        self.assertTrue(self.is_recorded(wanted))

    def test_a_bad_file_leaves_the_old_one_in_force(self):
        self.configure("comm = python3\n")
        tracer = self.served("--config", self.config)
        # The first line would hide the victim, were it taken.
        self.configure("comm = nobody-of-that-name\nport = 99999\n")
        text, status = self.reload(tracer)
        self.assertIn(f"{self.config}:2: --port", text)
        self.assertIn("The configuration in force stays", text)
        self.assertTrue(status.startswith("STATUS=not reloaded: "), status)
        for spoil, reason in ((lambda: self.config.chmod(0o666), "may write"),
                              (self.config.unlink, "No such file"),
                              (self.config.mkdir, "directory")):
            spoil()
            self.assertIn(reason, self.reload(tracer)[0])
        self.config.rmdir()
        self.told_of(tracer, self.victim())
        self.stop(tracer)

    def test_relative_paths_mean_what_they_meant_at_the_start(self):
        self.configure('output = "first.json"\n')
        tracer = self.serve("--config", self.config.name, "--recording", "state/here.db", cwd=self.directory,
                            env=self.manager.environment)
        self.manager.message("READY=1")
        process = Path("/proc", str(tracer.process.pid))
        self.assertEqual((process / "cwd").readlink(), Path("/"), "nobody's file system is kept from being unmounted")
        self.configure('output = "second.json"\n')
        self.assertIn("applied output", self.reload(tracer)[0])
        for name in ("first.json", "second.json", "state/here.db"):
            self.assertTrue((self.directory / name).is_file(), name)
        self.stop(tracer)

    def test_what_only_loading_needed_is_let_go(self):
        tracer = self.served()
        targets = [os.readlink(link) for link in Path(f"/proc/{tracer.process.pid}/fd").iterdir()]
        hooks = int(re.search(r" (\d+) hooks", tracer.stderr())[1])
        self.assertEqual(targets.count("anon_inode:[btf]") + targets.count("anon_inode:btf"), 0)
        # One by which misses are asked for, of each hook; and the one that looks for sockets' owners.
        self.assertEqual(targets.count("anon_inode:bpf-prog"), hooks + 1)
        self.stop(tracer)

    def test_advice_is_read_again(self):
        advice = self.directory / "advice.toml"
        row = '[[advice]]\nid = "own"\nprogram = "python3"\ncause = ["write_after_peer_close"]\nlook_at = "{}"\nsay = "look."\n'
        advice.write_text(row.format("first"))
        self.configure(f'advice = "{advice}"\n')
        tracer = self.served("--config", self.config)
        self.assertIn("first", self.told_of(tracer, self.victim())["verdict"]["advice"])
        advice.write_text("[[advice]]\nid = 5\n")
        self.assertIn(str(advice), self.reload(tracer)[0])
        self.assertIn("first", self.told_of(tracer, self.victim())["verdict"]["advice"])
        advice.write_text(row.format("second"))
        self.reload(tracer)
        self.assertIn("second", self.told_of(tracer, self.victim())["verdict"]["advice"])
        self.stop(tracer)

    def lines_of(self, path):
        return [json.loads(line)["process"]["pid"] for line in path.read_text().splitlines()] if path.exists() else []

    def test_the_lines_go_to_another_file(self):
        first, second = (self.directory / name for name in ("first.json", "second.json"))
        self.configure(f'output = "{first}"\n')
        tracer = self.served("--config", self.config)
        before = self.victim()
        live.wait_for(lambda: before in self.lines_of(first), live.INCIDENT_SECONDS, "its line in the first file")
        self.configure(f'output = "{self.directory}/no/such/folder.json"\ncomm = nobody-of-that-name\n')
        self.assertIn("No such file or directory", self.reload(tracer)[0])
        self.configure(f'output = "{second}"\n')
        self.assertIn("applied output", self.reload(tracer)[0])
        after = self.victim()
        live.wait_for(lambda: after in self.lines_of(second), live.INCIDENT_SECONDS, "its line in the second file")
        self.assertNotIn(after, self.lines_of(first))
        self.assertNotIn(before, self.lines_of(second))
        self.configure("")
        self.assertIn("applied output", self.reload(tracer)[0])
        self.told_of(tracer, self.victim())
        left = second.read_text()
        self.stop(tracer)
        self.assertEqual(second.read_text(), left)

    def test_the_recording_is_held_to_another_age(self):
        self.configure("max-age = 7d\n")
        tracer = self.served("--config", self.config)
        old = self.victim()
        live.wait_for(lambda: self.is_recorded(old), live.INCIDENT_SECONDS, "its incident in the recording")
        recorded = time.monotonic()
        live.wait_for(lambda: time.monotonic() > recorded + 1, 5, "an incident of more than a second ago")
        self.configure("max-age = 1s\nmax-size = 64M\n")
        self.assertIn("applied max-size, max-age", self.reload(tracer)[0])
        live.wait_for(lambda: not self.is_recorded(old), 5, "what is too old gone")
        self.stop(tracer)

    def test_sighup_without_a_file_is_harmless(self):
        tracer = self.served()
        self.assertIn("nothing has changed", self.reload(tracer)[0])
        self.stop(tracer)

    def test_the_default_file_is_read_where_it_is_there(self):
        script = ("mount -t tmpfs none /etc && mkdir -m 755 /etc/pipetrace && "
                  "echo 'no-such-setting' > /etc/pipetrace/pipetrace.conf && exec \"$0\" serve")
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, live.PIPETRACE], capture_output=True, text=True,
                              check=False, timeout=live.COMMAND_SECONDS, stdin=subprocess.DEVNULL)
        self.assert_status(2, done)
        self.assertIn("/etc/pipetrace/pipetrace.conf:1: this line sets nothing", done.stderr)


if __name__ == "__main__":
    live.main()
