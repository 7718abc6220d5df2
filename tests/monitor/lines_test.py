"""The lines of JSON that `pipetrace serve` leaves for a log shipper: whole, bounded, and none lost by those who rotate
the file or by a disk that is full for a while."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import own_places

own_places.enter()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))

import live  # noqa: E402

LIVE = Path(live.__file__).parent
FAILURES = """
import os, sys, time
pause = float(sys.argv[1])
for line in sys.stdin:
    for _ in range(int(line)):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            os.write(writer, b"x")
        except BrokenPipeError:
            os.close(writer)
        time.sleep(pause)
    print(flush=True)
"""


class Victim:
    """A process that fails as often as it is told to, with a pipe of its own each time."""

    def __init__(self, case, pause=0.001):
        self.process = subprocess.Popen([sys.executable, "-c", FAILURES, str(pause)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.failures = 0
        case.addCleanup(self.process.communicate, timeout=live.COMMAND_SECONDS)

    def fail(self, times):
        self.begin(times)
        self.process.stdout.readline()

    def begin(self, times):
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        self.failures += times


def lines_of(*paths):
    """Each is whole, or this raises."""
    found = []
    for path in paths:
        text = path.read_text()
        assert text.endswith("\n") or not text, f"half a line at the end of {path}"
        found += [json.loads(line) for line in text.splitlines()]
    return found


class LinesTest(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.path = self.directory / "incidents.json"

    def serve(self, *arguments, **options):
        return self.trace("serve", "-o", self.path, *arguments, **options)

    def ids(self, victim, *paths):
        return [(found["id"], found["revision"]) for found in lines_of(*paths) if found["process"]["pid"] == victim.pid]

    def await_lines(self, victim, *paths):
        """As many lines as failures, each once."""
        live.wait_for(lambda: len(self.ids(victim, *paths)) >= victim.failures, 15, "a line for each failure")
        ids = self.ids(victim, *paths)
        self.assertEqual(len(ids), victim.failures)
        self.assertEqual(len(set(ids)), victim.failures)

    def test_lines_are_private_valid_and_appended(self):
        victim = Victim(self)
        for _ in range(2):
            tracer = self.serve(umask=0)
            victim.fail(3)
            self.await_lines(victim, self.path)
            self.stop(tracer)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        for found in lines_of(self.path):
            self.assert_valid(found)

    def test_both_outputs_tell_the_same_and_follow_the_filter(self):
        victim = Victim(self)
        tracer = self.serve("--json", "--kind", "tcp")
        victim.fail(2)
        truth = live.provoke("unread_close")
        self.incident_of(tracer, truth)
        self.stop(tracer)
        printed = tracer.incidents()
        self.assertEqual(lines_of(self.path), printed)
        self.assertEqual({found["endpoint"]["kind"] for found in printed}, {"tcp"})

    def test_logrotate_by_renaming_loses_no_line(self):
        """Nobody need tell serve of it, though SIGHUP does no harm."""
        victim = Victim(self)
        tracer = self.serve()
        victim.begin(1200)
        rotated = []
        for number in range(3):
            live.wait_for(lambda: self.path.exists() and self.path.stat().st_size > 0, 10, "lines to rotate")
            rotated.append(self.path.with_suffix(f".{number}"))
            self.path.rename(rotated[-1])
            if number == 1:
                self.path.touch(0o640)  # logrotate's `create`
            tracer.process.send_signal(1)
        victim.process.stdout.readline()
        live.wait_for(self.path.exists, 10, "a new file")
        self.await_lines(victim, self.path, *rotated)
        self.stop(tracer)

    def test_sighup_makes_a_file_that_was_moved_anew(self):
        """At once: what was moved away can be compressed then, and takes no line more."""
        victim = Victim(self)
        tracer = self.serve()
        victim.fail(3)
        self.await_lines(victim, self.path)
        moved = self.path.with_suffix(".0")
        self.path.rename(moved)
        tracer.process.send_signal(signal.SIGHUP)
        live.wait_for(self.path.exists, 5, "a new file, without an incident")
        live.wait_for(lambda: moved.resolve() not in self.open_files(tracer), 5, "the old one let go")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        victim.fail(3)
        self.await_lines(victim, moved, self.path)
        self.stop(tracer)

    @staticmethod
    def open_files(tracer):
        return [link.resolve() for link in Path(f"/proc/{tracer.process.pid}/fd").iterdir()]

    def test_copytruncate_leaves_whole_lines_and_no_hole(self):
        victim = Victim(self)
        tracer = self.serve()
        victim.fail(20)
        self.await_lines(victim, self.path)
        copy = self.path.with_suffix(".copy")
        shutil.copy(self.path, copy)
        os.truncate(self.path, 0)  # what came between these two would be lost: copytruncate's own gap
        victim.fail(20)
        self.await_lines(victim, copy, self.path)
        self.assertNotIn(b"\0", self.path.read_bytes())
        self.stop(tracer)

    def test_a_removed_file_is_made_again(self):
        victim = Victim(self)
        tracer = self.serve()
        victim.fail(1)
        self.await_lines(victim, self.path)
        self.path.unlink()
        again = Victim(self)
        again.fail(1)
        live.wait_for(self.path.exists, 10, "a new file")
        self.await_lines(again, self.path)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.stop(tracer)

    def test_a_full_disk_is_told_once_counted_and_outlived(self):
        disk = self.directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", disk], check=True, timeout=10)
        self.path = disk / "incidents.json"
        victim = Victim(self)
        tracer = self.serve("--kind", "pipe")  # who else fails on this host fills it less
        victim.fail(60)
        live.wait_for(lambda: "cannot write to" in tracer.stderr(), 15, "a message of the full disk")
        self.assertIn("No space left on device", tracer.stderr())
        self.assertLess(len(self.ids(victim, self.path)), 60)
        copy = self.directory / "copy"
        shutil.copy(self.path, copy)
        os.truncate(self.path, 0)
        live.wait_for(lambda: len(self.ids(victim, copy, self.path)) >= 60 or "again" in tracer.stderr(), 15, "recovery")
        live.wait_for(lambda: len(self.ids(victim, copy, self.path)) >= 60, 15, "what waited")
        self.await_lines(victim, copy, self.path)
        self.stop(tracer)
        self.assertEqual(tracer.stderr().count("cannot write to"), 1)
        self.assertIn("takes incidents again: none was lost", tracer.stderr())
        self.assertNotRegex(tracer.stderr(), r"lines\s+\d")

    def test_what_a_full_disk_never_took_is_counted_at_the_end(self):
        disk = self.directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", disk], check=True, timeout=10)
        self.path = disk / "incidents.json"
        victim = Victim(self)
        tracer = self.serve("--comm", "no-such-program", "--comm", Path(sys.executable).name)
        victim.fail(60)
        live.wait_for(lambda: "cannot write to" in tracer.stderr(), 15, "a message of the full disk")
        self.stop(tracer)
        lost = int(re.search(r"lines\s+(\d+)", tracer.stderr()).group(1))
        self.assertEqual(len(lines_of(self.path)) + lost, self.told(tracer))

    @staticmethod
    def told(tracer):
        return int(re.search(r"(\d+) incidents?", tracer.stderr()).group(1))

    def test_a_reader_of_stdout_that_hangs_holds_nothing_up(self):
        """A container runtime's log driver; the file goes on beside it."""
        reader, writer = os.pipe()
        victim = Victim(self, pause=0.0005)
        process = subprocess.Popen([live.PIPETRACE, "serve", "--json", "-o", self.path], stdin=subprocess.DEVNULL,
                                   stdout=writer, stderr=subprocess.PIPE, text=True)
        os.close(writer)
        self.addCleanup(os.close, reader)
        self.addCleanup(process.communicate, timeout=live.COMMAND_SECONDS)
        self.addCleanup(process.kill)
        self.assertIn("tracing", process.stderr.readline())
        victim.fail(200)  # some 400 KiB: a pipe holds 64
        self.await_lines(victim, self.path)
        began = time.monotonic()
        process.terminate()
        process.wait(live.COMMAND_SECONDS)
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(process.stderr.read(), r"lines\s+\d+")

    def test_a_reader_of_stdout_that_leaves_ends_it_quietly(self):
        reader, writer = os.pipe()
        process = subprocess.Popen([live.PIPETRACE, "serve", "--json"], stdin=subprocess.DEVNULL, stdout=writer,
                                   stderr=subprocess.PIPE, text=True)
        os.close(writer)
        self.addCleanup(process.communicate, timeout=live.COMMAND_SECONDS)
        self.addCleanup(process.kill)
        self.assertIn("tracing", process.stderr.readline())
        os.close(reader)
        Victim(self).fail(1)
        self.assertEqual(process.wait(live.COMMAND_SECONDS), 0)
        self.assertNotIn("cannot", process.stderr.read())

    def test_a_place_that_cannot_be_written_to_is_refused(self):
        refused = live.run("serve", "-o", self.directory / "no" / "incidents.json")
        self.assert_status(1, refused)
        self.assertIn("No such file or directory", refused.stderr)

    def test_a_place_that_root_may_write_to_by_its_capabilities_alone_is_told(self):
        """They are given up: what is open goes on, and cannot be opened again."""
        folder = self.directory / "of-nobody"
        folder.mkdir()
        os.chown(folder, live.NOBODY, live.NOBODY)
        self.path = folder / "incidents.json"
        tracer = self.serve()
        self.assertIn(f"its folder {folder} belongs to the user {live.NOBODY}", tracer.stderr())
        victim = Victim(self)
        victim.fail(1)
        self.await_lines(victim, self.path)
        self.stop(tracer)

    def test_another_user_s_file_in_a_shared_folder_is_refused(self):
        self.directory.chmod(0o1777)
        self.path.touch()
        os.chown(self.path, live.NOBODY, live.NOBODY)
        refused = live.run("serve", "-o", self.path)
        self.assert_status(1, refused)
        self.assertIn(f"the file belongs to the user {live.NOBODY}", refused.stderr)


if __name__ == "__main__":
    live.main()
