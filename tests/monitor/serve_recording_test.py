"""The recording of `pipetrace serve`: where it lies, that `report` finds it, and that nothing which keeps it from being
written ends the monitor."""
import contextlib
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import own_places

own_places.enter()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))

import live  # noqa: E402

FOLDER = Path("/var/lib/pipetrace")
DEFAULT = FOLDER / "serve.db"
ASIDE = FOLDER / "serve.db.set-aside"
# Six pipes that nobody reads are written to.
BURST = """
import contextlib, os
print(os.getpid())
for _ in range(6):
    reader, writer = os.pipe()
    os.close(reader)
    with contextlib.suppress(BrokenPipeError):
        os.write(writer, b"x")
"""


def rows(path, sql="SELECT pid FROM incidents"):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
        return [row[0] for row in database.execute(sql)]


class ServeRecordingTest(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.empty)

    @staticmethod
    def empty():
        for path in FOLDER.iterdir():
            path.unlink()

    def serve(self, *arguments, **options):
        return self.trace("serve", "--json", *arguments, **options)

    def meet_failure(self, tracer):
        """One failure, told; its victim's pid."""
        truth = live.provoke("unread_close")
        self.incident_of(tracer, truth)
        return truth["victim"]["pid"]

    def await_row(self, pid, path=DEFAULT):
        def is_there():
            with contextlib.suppress(sqlite3.Error):
                return pid in rows(path)
            return False
        live.wait_for(is_there, 15, f"a row of {pid} in {path}")

    def test_report_without_a_file_reads_it_while_it_is_written(self):
        tracer = self.serve(umask=0)
        pid = self.meet_failure(tracer)
        self.await_row(pid)
        self.assertEqual(stat.S_IMODE(DEFAULT.stat().st_mode), 0o600)
        report = live.run("report", "--json")
        self.assert_status(0, report)
        self.assertIn(pid, [json.loads(line)["process"]["pid"] for line in report.stdout.splitlines()])
        self.stop(tracer)

    def test_the_folder_is_made_for_its_owner_alone(self):
        inside = ('umount /var/lib/pipetrace && mount -t tmpfs tmpfs /var/lib && '
                  f'"{live.PIPETRACE}" serve -d 1 && stat -c %a /var/lib/pipetrace /var/lib/pipetrace/serve.db')
        done = subprocess.run(["unshare", "-m", "sh", "-c", inside], check=False, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=live.COMMAND_SECONDS)
        self.assert_status(0, done)
        self.assertEqual(done.stdout.split(), ["700", "600"])

    def test_report_without_a_file_reads_all_that_lies_there(self):
        both = self.serve()
        beside = self.trace("record")
        pid = self.meet_failure(both)
        self.await_row(pid)
        self.await_row(pid, FOLDER / "recording.db")
        self.stop(beside)
        self.stop(both)
        (FOLDER / "other.db").write_text("no recording")
        report = live.run("report")
        self.assert_status(0, report)
        for said in ("serve.db", "recording.db", "other.db was left out"):
            self.assertIn(said, report.stdout + report.stderr)
        # Named, it is an error.
        self.assert_status(1, live.run("report", FOLDER / "other.db"))

    def test_a_filter_chooses_what_is_told_and_all_is_kept(self):
        tracer = self.serve("--comm", "no-such-program")
        pid = live.provoke("unread_close")["victim"]["pid"]
        self.stop(tracer)
        self.assertEqual(tracer.lines, [])
        self.assertIn(pid, rows(DEFAULT), "the next filter would not find it")
        self.assertGreater(rows(DEFAULT, "SELECT sum(record_count) FROM segments")[0], 0)

    def test_a_filter_holds_for_bursts_too(self):
        tracer = self.serve("--comm", "no-such-program")
        writer = subprocess.run([sys.executable, "-c", BURST], stdout=subprocess.PIPE, text=True, check=True,
                                timeout=live.COMMAND_SECONDS)
        pid = int(writer.stdout)
        self.stop(tracer)
        bursts = rows(DEFAULT, f"SELECT burst FROM incidents WHERE pid = {pid} AND burst IS NOT NULL")
        self.assertEqual(len(set(bursts)), 1, "it was one, and is kept as one")
        self.assertNotIn("burst", tracer.stderr())

    def test_garbage_is_set_aside_and_a_new_one_begun(self):
        DEFAULT.write_text("garbage\n" * 1000)
        ASIDE.write_text("of an earlier time")
        tracer = self.serve()
        self.assertIn(f"set aside as {ASIDE}", tracer.stderr())
        self.await_row(self.meet_failure(tracer))
        self.assertEqual(ASIDE.read_text(), "garbage\n" * 1000)
        self.stop(tracer)
        self.assertEqual({path.name for path in FOLDER.iterdir()}, {DEFAULT.name, ASIDE.name})
        report = live.run("report")
        self.assert_status(0, report)
        self.assertNotIn("set-aside", report.stdout + report.stderr)

    def test_a_recording_of_another_format_is_set_aside(self):
        with contextlib.closing(sqlite3.connect(DEFAULT)) as database:
            database.execute("CREATE TABLE t (x)")
            database.commit()
        tracer = self.serve()
        self.assertIn("another program's SQLite database", tracer.stderr())
        self.await_row(self.meet_failure(tracer))
        self.stop(tracer)

    def test_pages_damaged_below_it_are_set_aside_while_it_runs(self):
        tracer = self.serve()
        for _ in range(3):
            pid = self.meet_failure(tracer)
        self.await_row(pid)
        self.stop(tracer)
        size = DEFAULT.stat().st_size
        with open(DEFAULT, "r+b") as file:  # all pages but the first, which has the schema
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        tracer = self.serve()
        pid = self.meet_failure(tracer)
        live.wait_for(lambda: "set aside" in tracer.stderr(), 20, "a message of the damaged file")
        self.await_row(self.meet_failure(tracer))
        self.assertTrue(ASIDE.exists())
        self.stop(tracer)

    def test_another_s_file_is_never_moved(self):
        path = self.directory / "notes.db"
        path.write_text("notes\n" * 1000)
        refused = live.run("serve", "--recording", path)
        self.assert_status(1, refused)
        self.assertIn("no recording", refused.stderr)
        self.assertEqual(path.read_text(), "notes\n" * 1000)
        self.assertEqual(list(self.directory.iterdir()), [path])

    def test_it_goes_on_without_one_says_so_and_begins_one_when_it_can(self):
        path = self.directory / "later" / "serve.db"
        tracer = self.serve("--recording", path)
        self.assertIn("No such file or directory", tracer.stderr())
        self.assertIn("goes on without a recording", tracer.stderr())
        self.meet_failure(tracer)
        path.parent.mkdir()
        live.wait_for(lambda: "recording to" in tracer.stderr(), 20, "a recording that begins")
        self.await_row(self.meet_failure(tracer), path)
        self.stop(tracer)
        self.assertEqual(tracer.stderr().count("goes on without a recording"), 1)
        self.assertRegex(tracer.stderr(), r"recording\s+\d+", "what it missed is counted")

    def test_a_read_only_place_does_not_end_it(self):
        inside = (f'mount -o remount,ro /var/lib/pipetrace && exec "{live.PIPETRACE}" serve -d 1')
        done = subprocess.run(["unshare", "-m", "sh", "-c", inside], check=False, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=live.COMMAND_SECONDS)
        subprocess.run(["mount", "-o", "remount,rw", FOLDER], check=True, timeout=10)
        self.assert_status(0, done)
        self.assertIn("Read-only file system", done.stderr)
        self.assertIn("goes on without a recording", done.stderr)

    def test_a_full_disk_does_not_end_it(self):
        subprocess.run(["mount", "-o", "remount,size=4k", FOLDER], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["mount", "-o", "remount,size=50%", FOLDER], check=True, timeout=10)
        tracer = self.serve()
        self.assertIn("goes on without a recording", tracer.stderr())
        self.meet_failure(tracer)
        subprocess.run(["mount", "-o", "remount,size=64m", FOLDER], check=True, timeout=10)
        live.wait_for(lambda: "recording to" in tracer.stderr(), 20, "a recording that begins")
        self.await_row(self.meet_failure(tracer))
        self.assertFalse(ASIDE.exists(), "a full disk is no damage")
        self.stop(tracer)
        self.assertGreater(int(re.search(r"recording\s+(\d+)", tracer.stderr()).group(1)), 0)

    def test_a_removed_file_is_begun_anew(self):
        tracer = self.serve()
        self.await_row(self.meet_failure(tracer))
        for path in FOLDER.iterdir():
            path.unlink()
        self.meet_failure(tracer)
        live.wait_for(lambda: "has been removed" in tracer.stderr(), 15, "a message of the removed file")
        live.wait_for(DEFAULT.exists, 20, "a new recording")
        self.await_row(self.meet_failure(tracer))
        self.stop(tracer)

    def test_a_file_that_was_moved_away_is_begun_anew(self):
        tracer = self.serve()
        before = self.meet_failure(tracer)
        self.await_row(before)
        moved = FOLDER / "moved.db"
        DEFAULT.rename(moved)
        live.wait_for(lambda: "moved away" in tracer.stderr(), 15, "a message of the moved file")
        live.wait_for(DEFAULT.exists, 20, "a new recording")
        after = self.meet_failure(tracer)
        self.await_row(after)
        self.stop(tracer)
        self.assertIn(before, rows(moved))
        self.assertNotIn(before, rows(DEFAULT))

    def test_another_user_s_file_is_not_written_to(self):
        """Made by somebody who would read along; and root has no right of its own to write to his folder."""
        DEFAULT.touch(0o666)
        DEFAULT.chmod(0o666)
        os.chown(DEFAULT, live.NOBODY, live.NOBODY)
        tracer = self.serve()
        self.assertIn(f"belongs to the user {live.NOBODY}", tracer.stderr())
        self.assertIn("goes on without a recording", tracer.stderr())
        self.meet_failure(tracer)
        self.assertEqual(DEFAULT.stat().st_size, 0)
        DEFAULT.unlink()
        live.wait_for(lambda: "recording to" in tracer.stderr(), 20, "a recording that begins")
        self.stop(tracer)
        folder = self.directory / "of-nobody"
        folder.mkdir()
        os.chown(folder, live.NOBODY, live.NOBODY)
        tracer = self.serve("--recording", folder / "serve.db")
        self.assertIn("Permission denied", tracer.stderr())
        self.assertIn("chown it to root", tracer.stderr())
        self.stop(tracer)

    def test_a_second_monitor_goes_on_without_one(self):
        first = self.serve()
        second = self.serve()
        self.assertIn("another pipetrace is writing it", second.stderr())
        pid = self.meet_failure(first)
        self.assertTrue(second.wait_incident(lambda found: found["process"]["pid"] == pid, live.INCIDENT_SECONDS))
        self.await_row(pid)
        self.stop(second)
        self.stop(first)


if __name__ == "__main__":
    live.main()
