"""`record` and then `report`: what was kept is told again, the same, by anybody, as asked."""
import json
import shutil
import sqlite3
import subprocess
import unittest

import live

CAUSES = {
    ("classic",): "write_after_peer_close",
    ("linger0",): "peer_abortive_close",
    ("unread_close",): "peer_closed_unread_data",
    ("refused",): "connection_refused",
    ("pipe_closed",): "pipe_reader_closed",
    ("unix_closed", "--bytes", "0", "--variant", "close", "--repeat", "1"): "unix_peer_closed",
}
ROW_FIELDS = {
    "cause": lambda told: told["verdict"]["cause"],
    "confidence": lambda told: told["verdict"]["confidence"],
    "summary": lambda told: told["verdict"]["summary"],
    "time": lambda told: told["time"],
    "pid": lambda told: told["process"]["pid"],
    "exe": lambda told: told["process"]["exe"],
    "errors": lambda told: ",".join(error["errno"] for error in told["errors"]),
    "sigpipe": lambda told: told["sigpipe"],
    "peer_pid": lambda told: told["peer"] and told["peer"]["pid"],
    "caused_by": lambda told: told["caused_by"],
}


class Report(live.LiveTest):
    recording = None

    @classmethod
    def setUpClass(cls):
        """One recording of one failure of each kind, for all tests to read."""
        maker = cls("record_all")
        maker.setUp()
        cls.addClassCleanup(maker.doCleanups)
        maker.record_all()

    def record_all(self):
        recording = self.directory / "all.db"
        tracer = self.trace("record", "-o", str(recording))
        cls = type(self)
        cls.causes = {}
        for command, cause in CAUSES.items():
            cls.causes[live.provoke(*command)["victim"]["pid"]] = cause
        cls.live_report = live.run("report", "--json", recording)
        self.stop(tracer)
        cls.recording = recording

    def told(self, *arguments):
        done = live.run("report", "--json", *arguments, self.recording)
        self.assert_status(0, done)
        self.assertEqual(done.stderr, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_each_failure_is_told_again(self):
        told = {found["process"]["pid"]: found for found in self.told()}
        for pid, cause in self.causes.items():
            self.assert_valid(told[pid])
            self.assertEqual(told[pid]["verdict"]["cause"], cause)
            self.assertEqual(told[pid]["lost"], 0)

    def test_the_rows_say_what_a_replay_says(self):
        told = {found["id"]: found for found in self.told("--origin")}
        with sqlite3.connect(f"file:{self.recording}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            rows = {row["id"]: row for row in database.execute("SELECT * FROM incidents")}
        self.assertGreaterEqual(len(rows), len(CAUSES))
        self.assertEqual(set(rows), set(told))
        for name, row in rows.items():
            self.assertEqual({field: row[field] for field in ROW_FIELDS},
                             {field: of(told[name]) for field, of in ROW_FIELDS.items()})

    def test_it_can_be_read_while_it_is_written(self):
        self.assert_status(0, self.live_report)
        self.assertEqual(self.live_report.stderr, "")

    def test_anybody_may_read_a_copy(self):
        copy = self.directory / "copy.db"
        shutil.copy(self.recording, copy)
        copy.chmod(0o644)
        program = self.program_for_all(live.PIPETRACE)
        done = live.run("report", "--json", copy, program=program, prefix=live.as_nobody())
        self.assert_status(0, done)
        self.assertEqual({json.loads(line)["id"] for line in done.stdout.splitlines()},
                         {found["id"] for found in self.told()})

    def test_the_summary_counts_them(self):
        done = live.run("report", self.recording)
        self.assert_status(0, done)
        told = self.told()
        self.assertIn(f"\n{len(told)} incidents: ", done.stdout)
        for cause in CAUSES.values():
            count = sum(found["verdict"]["cause"] == cause for found in told)
            self.assertRegex(done.stdout, rf"(?m)^ +{count} +\d+  {cause} ")

    def test_filters_and_times_choose(self):
        pid = next(iter(self.causes))
        self.assertEqual([found["process"]["pid"] for found in self.told("-p", pid)], [pid])
        chosen = self.told("--cause", "peer_abortive_close")
        self.assertIn("peer_abortive_close", {found["verdict"]["cause"] for found in chosen})
        self.assertEqual({found["verdict"]["cause"] for found in chosen}, {"peer_abortive_close"})
        times = sorted(found["time"] for found in self.told())
        middle = times[len(times) // 2]
        early, late = (sorted(found["time"] for found in self.told(*arguments))
                       for arguments in (("--until", middle), ("--since", middle)))
        self.assertEqual(early + late, times)
        self.assertTrue(all(time < middle for time in early))
        self.assertEqual(self.told("--since", "now"), [])

    def test_one_in_full(self):
        pid, cause = next(iter(self.causes.items()))
        name = self.told("-p", pid)[0]["id"]
        done = live.run("report", "--id", name, self.recording)
        self.assert_status(0, done)
        for part in (f"[{pid}]", cause, "Advice", "Rejected", name):
            self.assertIn(part, done.stdout)
        boot = name.split("-")[0]
        for unclear, message in ((boot, "is the beginning of several ids"), ("nonsense", "there is no incident")):
            done = live.run("report", "--id", unclear, self.recording)
            self.assert_status(1, done)
            self.assertIn(message, done.stderr)

    def test_a_page_is_whole_or_not_there(self):
        page = self.directory / "page.html"
        self.assert_status(0, live.run("report", "--html", page, self.recording))
        text = page.read_text()
        self.assertTrue(text.rstrip().endswith("</html>"))
        for found in self.told():
            self.assertIn(found["id"], text)
        self.assert_status(1, live.run("report", "--html", self.directory / "none" / "page.html", self.recording))
        damaged = self.damaged_copy()
        page.write_text("before")
        live.run("report", "--html", page, damaged)
        left = page.read_text()
        self.assertTrue(left == "before" or left.rstrip().endswith("</html>"), left[-80:])
        self.assertEqual([path.name for path in self.directory.glob("*.part")], [])

    def test_a_recording_is_not_written_over(self):
        copy, link = self.directory / "kept.db", self.directory / "link.db"
        shutil.copy(self.recording, copy)
        link.symlink_to(copy)
        before = copy.read_bytes()
        for arguments in (("-o", copy), ("--html", copy), ("--json", "-o", link)):
            done = live.run("report", *arguments, copy)
            self.assert_status(1, done)
            self.assertIn("it is one of the recordings", done.stderr)
        self.assertEqual(copy.read_bytes(), before)

    def test_what_two_files_hold_is_counted_once(self):
        copy = self.directory / "twin.db"
        shutil.copy(self.recording, copy)
        for again in (self.recording, copy):
            done = live.run("report", self.recording, again)
            self.assert_status(0, done)
            self.assertIn(f"\n{len(self.told())} incidents: ", done.stdout)
            self.assertIn("holds what another file holds: read once.", done.stdout.replace("\n", " "))

    def damaged_copy(self):
        copy = self.directory / "damaged.db"
        shutil.copy(self.recording, copy)
        with copy.open("r+b") as file:
            file.truncate(copy.stat().st_size // 2)
        return copy

    def test_damage_gets_a_message(self):
        noise = self.directory / "noise.db"
        noise.write_bytes(bytes(range(256)) * 64)
        for path, why in ((self.damaged_copy(), "damaged"), (noise, "no recording"),
                          (self.directory / "none.db", "No such file"), (self.directory, "no plain file")):
            done = live.run("report", path)
            self.assert_status(1, done)
            self.assertIn(why, done.stderr)

    def test_a_reader_that_leaves_early_is_no_error(self):
        done = subprocess.run(
            ["bash", "-c", '"$1" report --json "$2" | head -1; echo "${PIPESTATUS[0]}"', "-", live.PIPETRACE,
             self.recording], check=True, text=True, capture_output=True, timeout=live.COMMAND_SECONDS)
        self.assertEqual(done.stdout.splitlines()[-1], "0")
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    live.main()
