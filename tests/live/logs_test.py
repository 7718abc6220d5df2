"""--log: what a program logged around its failure stands beside it, however its log is rotated."""
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import live
from live import LiveTest, run, wait_for

VICTIM = Path(__file__).with_name("logging_victim.py")
# What the victim says of each failure, and the second that a line has to come in, with a busy machine's own delay.
SAID = "sending to the client failed: Broken pipe"
AFTER_US = 1_000_000


class Logs(LiveTest):
    def setUp(self):
        super().setUp()
        self.log = self.directory / "app.log"

    def victim(self, *arguments):
        """A server that logs to the log; it fails once for each line that it is told."""
        process = subprocess.Popen([sys.executable, str(VICTIM), str(self.log), *arguments], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for stream in (process.stdin, process.stdout):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def fail(self, victim, word):
        victim.stdin.write(word + "\n")
        victim.stdin.flush()
        self.assertEqual(victim.stdout.readline(), "failed\n")

    def incidents(self, tracer, count):
        wait_for(lambda: len(tracer.last_revisions()) >= count, live.INCIDENT_SECONDS, f"{count} incidents")
        told = tracer.last_revisions()
        for incident in told:
            self.assert_valid(incident)
        return told

    def assert_said(self, incident, *words):
        """Those failures, and no other's, were logged beside it, after it and within the second."""
        said = [line for line in incident["log"] if SAID in line["line"]]
        self.assertEqual([line["line"].split()[0] for line in said], list(words))
        for line in said:
            self.assertEqual(line["file"], str(self.log))
            self.assertLess(line["t_us"] - line["late_us"], AFTER_US)
            self.assertGreater(line["t_us"], 0)

    def test_a_log_that_is_renamed_truncated_and_comes_later(self):
        victim = self.victim()
        tracer = self.trace("--json", "-p", victim.pid, "--log", self.log)
        self.assertIn("is not there yet", tracer.stderr())
        self.fail(victim, "first")
        self.assert_said(self.incidents(tracer, 1)[0], "first")
        self.log.rename(self.directory / "app.log.1")
        self.fail(victim, "renamed")
        self.assert_said(self.incidents(tracer, 2)[1], "renamed")
        victim.stdin.write("reopen\n")
        victim.stdin.flush()
        self.assertEqual(victim.stdout.readline(), "reopened\n")
        self.fail(victim, "new")
        self.assert_said(self.incidents(tracer, 3)[2], "new")
        os.truncate(self.log, 0)
        self.fail(victim, "truncated")
        self.assert_said(self.incidents(tracer, 4)[3], "truncated")
        self.stop(tracer)

    def test_the_failure_is_printed_with_what_came_after_it(self):
        victim = self.victim("--delay", "0.3")
        tracer = self.trace("-p", victim.pid, "--log", self.log, env={**os.environ, "TZ": "UTC"})
        self.fail(victim, "late")
        self.assertTrue(tracer.wait_line("Log  ", live.INCIDENT_SECONDS), tracer.stderr())
        story = "".join(tracer.lines)
        self.assertRegex(story, r"\+[3-9]\d\d\.\d ms +log +late " + SAID.split(":")[0])
        self.assertLess(story.index("= EPIPE"), story.index("late sending"))
        self.stop(tracer)

    def test_a_process_that_ends_at_once_is_told_with_its_last_words(self):
        out = self.directory / "incidents"
        self.log.write_text("a line from before\n")
        done = run("run", "--json", "-o", out, "--log", self.log, "--", sys.executable, VICTIM, self.log,
                   "--once", "last")
        self.assert_status(1, done)
        told = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertEqual(len(told), 1)
        self.assert_valid(told[0])
        self.assert_said(told[0], "last")
        self.assertNotIn("a line from before", [line["line"] for line in told[0]["log"]])

    def test_without_it_there_is_no_log(self):
        victim = self.victim()
        tracer = self.trace("--json", "-p", victim.pid)
        self.fail(victim, "unseen")
        self.assertNotIn("log", self.incidents(tracer, 1)[0])
        self.stop(tracer)

    def test_a_log_that_floods_is_counted_and_stalls_nothing(self):
        victim = self.victim()
        flood = self.directory / "flood.log"
        flood.touch()
        tracer = self.trace("--json", "-p", victim.pid, "--log", flood, "--log", self.log)
        ended = threading.Event()

        def pour():
            with flood.open("wb", buffering=0) as out:
                while not ended.is_set():
                    out.write(b"x" * 99 + b"\n" + (b"y" * 99 + b"\n") * 40_000)
                    if out.tell() > 50_000_000:
                        out.truncate(0)
                        out.seek(0)

        pourer = threading.Thread(target=pour)
        pourer.start()
        try:
            self.fail(victim, "flooded")
            incident = self.incidents(tracer, 1)[0]
        finally:
            ended.set()
            pourer.join()
        self.assertGreater(incident["log_skipped_bytes"], 1_000_000)
        self.assertLessEqual(len(incident["log"]), 20)
        resident = int(Path(f"/proc/{tracer.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        self.assertLess(resident, 64 << 20)
        self.stop(tracer)

    def test_what_cannot_be_followed(self):
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        self.log.write_text("precious\n")
        for arguments, status, said in (
                (["--log", self.directory], 1, "no regular file"),
                (["--log", fifo], 1, "no regular file"),
                (["--log", "/dev/null"], 1, "no regular file"),
                (["--log", self.directory / "missing" / "app.log"], 1, "no directory"),
                (["-o", self.log, "--log", self.log], 1, "incidents are written to"),
                (["record", "--log", self.log], 2, "does not take --log"),
                (["report", "--log", self.log], 2, "does not take --log"),
                (["demo", "--log", self.log], 2, "does not take --log"),
                (["run", "--log", fifo, "--", "true"], 125, "no regular file")):
            with self.subTest(arguments):
                done = run(*arguments)
                self.assert_status(status, done)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.startswith("pipetrace: "), done.stderr)
                self.assertIn(said, done.stderr)
        self.assertEqual(self.log.read_text(), "precious\n")


if __name__ == "__main__":
    live.main()
