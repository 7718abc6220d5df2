"""Several pipetraces at once, and what is left of each after any kind of end."""
import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

from exposition import scrape
from serving import ServeTest, live

FREED_SECONDS = 10  # the kernel frees detached programs after a grace period


def objects_of(pid):
    """Kinds and ids of the programs, maps, links and types that a process holds."""
    held = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        for line in info.read_text().splitlines():
            name, _, value = line.partition(":\t")
            if name in ("prog_id", "map_id", "link_id"):
                held.add((name.removesuffix("_id"), int(value)))
    return held


def objects_of_kernel():
    there = set()
    for kind in ("prog", "map", "link"):
        shown = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True, check=True)
        there |= {(kind, entry["id"]) for entry in json.loads(shown.stdout)}
    return there


def ownerless():
    """Programs and maps of any pipetrace that no process holds."""
    found = set()
    for kind in ("prog", "map"):
        shown = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True, check=True)
        found |= {(kind, entry["id"]) for entry in json.loads(shown.stdout)
                  if entry.get("name", "").startswith("pt_")}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            found -= objects_of(process.name)
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Together(ServeTest):
    def test_each_tells_its_own_and_none_of_the_others(self):
        recording = self.directory / "other.db"
        tracers = {"serve": self.serve(), "trace": self.trace("--json"),
                   "second": self.serve("--recording", self.state / "second.db"),
                   "record": self.trace("record", "-o", recording)}
        out = self.directory / "run.json"
        done = live.run("run", "--json", "-o", out, "--", live.PROVOKERS / "classic")
        self.assert_status(0, done)
        of_run = {json.loads(line)["process"]["pid"] for line in out.read_text().splitlines()}
        self.assertEqual(len(of_run), 1)
        pid = self.victim()
        told = {name: self.told_of(tracers[name], pid) for name in ("serve", "trace", "second")}
        for name, incident in told.items():
            self.assertEqual(incident["verdict"]["cause"], "write_after_peer_close", name)
            self.assertEqual(incident["errors"], told["trace"]["errors"] if name == "trace" else told["serve"]["errors"])
            self.assertEqual(sum(error["count"] for error in incident["errors"]), 1, name)
        own = {tracer.process.pid for tracer in tracers.values()}
        # One ends by force; the rest go on.
        tracers["second"].process.kill()
        tracers["second"].wait_end(5)
        later = self.victim()
        for name in ("serve", "trace"):
            self.told_of(tracers[name], later)
        for name in ("serve", "trace", "record"):
            self.stop(tracers[name])
        for name in ("serve", "trace", "second"):
            reported = {incident["process"]["pid"] for incident in tracers[name].last_revisions()}
            self.assertFalse(own & reported, f"{name} tells of a pipetrace")
        for path in (self.recording, recording):
            self.assertIn(f'"pid":{later},', live.run("report", "--json", path).stdout)

    def test_a_second_one_on_the_same_recording_is_refused(self):
        first = self.serve()
        done = live.run("record", "-d", "5", "-o", self.recording)
        self.assert_status(1, done)
        self.assertIn(str(self.recording), done.stderr)
        self.told_of(first, self.victim())
        self.stop(first)


class Left(ServeTest):
    def started(self, *arguments, **options):
        tracer = self.serve(*arguments, **options)
        held = objects_of(tracer.process.pid)
        kinds = {kind for kind, _ in held}
        self.assertEqual(kinds, {"prog", "map", "link"})
        self.assertLessEqual(held, objects_of_kernel(), "bpftool does not show them")
        return tracer, held

    def assert_nothing_left(self, held):
        live.wait_for(lambda: not held & objects_of_kernel(), FREED_SECONDS, "the kernel let go of everything")
        # No pins, and no tracefs instance of its own.
        for line in Path("/proc/mounts").read_text().splitlines():
            _, point, kind, *_ = line.split()
            if kind == "bpf":
                self.assertEqual([path for path in Path(point).rglob("*") if path.name.startswith("pt_")], [])
            if kind == "tracefs":
                self.assertFalse([path for path in Path(point, "instances").glob("*pipetrace*")])

    def assert_whole(self):
        """The recording opens, is sound, and can be gone on with."""
        with sqlite3.connect(self.recording) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        again = self.serve()
        self.stop(again)

    def test_every_kind_of_end(self):
        ends = ((signal.SIGTERM, "classic", "write_after_peer_close"),
                (signal.SIGINT, "unread_close", "peer_closed_unread_data"),
                (signal.SIGKILL, "linger0", "peer_abortive_close"),
                (signal.SIGSEGV, "pipe_closed", "pipe_reader_closed"),
                (signal.SIGABRT, "refused", "connection_refused"))
        for number, provoker, cause in ends:
            with self.subTest(number.name):
                port = free_port()
                tracer, held = self.started("--metrics", f"127.0.0.1:{port}")
                truth = live.provoke(provoker)
                told = self.incident_of(tracer, truth)
                self.assertEqual((told["process"]["comm"], told["verdict"]["cause"]), (truth["victim"]["comm"], cause))
                tracer.process.send_signal(number)
                orderly = number in (signal.SIGTERM, signal.SIGINT)
                self.assertEqual(tracer.wait_end(live.COMMAND_SECONDS), 0 if orderly else -number)
                self.assert_nothing_left(held)
                with socket.create_server(("127.0.0.1", port)):
                    pass
                self.assert_whole()
                self.assertEqual([path.name for path in self.state.iterdir() if path.name.startswith("core")], [])

    def assert_no_orphans(self):
        live.wait_for(lambda: not ownerless(), FREED_SECONDS, "no program in the kernel without its process")

    def test_a_start_that_fails_when_all_is_attached(self):
        self.recording.write_text("no recording at all, and the user's own\n")
        done = live.run("serve", "-v", "--recording", self.recording)
        self.assert_status(1, done)
        self.assertIn("pipetrace: keeps ", done.stderr, "it did not come as far as that")
        self.assertIn(str(self.recording), done.stderr)
        self.assert_no_orphans()

    def test_a_taken_port(self):
        port = free_port()
        first, held = self.started("--metrics", f"127.0.0.1:{port}")
        done = live.run("serve", "--recording", self.state / "second.db", "--metrics", f"127.0.0.1:{port}")
        self.assert_status(1, done)
        self.assertEqual(done.stderr.splitlines(), [
            f"pipetrace: the metrics cannot be served at 127.0.0.1:{port}: another program listens there already",
            "  `ss -ltnp` shows which; or choose another port: --metrics ADDR:PORT"])
        self.assertFalse((self.state / "second.db").exists())
        self.assert_no_orphans()
        self.assertEqual(objects_of(first.process.pid), held)
        self.told_of(first, self.victim())
        self.assertEqual(scrape(f"http://127.0.0.1:{port}/metrics").value("pipetrace_ready"), 1)
        self.stop(first)
        self.assert_nothing_left(held)

    def test_run_of_what_is_not_there(self):
        self.assert_status(127, live.run("run", "--", "/no/such/program"))
        self.assert_no_orphans()


if __name__ == "__main__":
    live.main()
