"""Advice from the user's own file: in all that is told of an incident, and refused before anything begins."""
import json
import os
import sqlite3

import live

ROW = """[[advice]]
id = "own"
program = ["victim", "demo-client"]
cause = "write_after_peer_close"
look_at = "{knob}"
say = "{{process}} was silent for {{idle}}"
"""


class Advice(live.LiveTest):
    def file_with(self, knob):
        path = self.directory / f"{knob}.toml"
        path.write_text(ROW.format(knob=knob))
        return path

    def test_live_in_text_and_json(self):
        own = self.file_with("OwnKnob")
        tracer = self.trace("--json", "--comm", "victim", "--advice", own)
        truth = live.provoke("classic")
        incident = self.incident_of(tracer, truth)
        self.assertRegex(incident["verdict"]["advice"],
                         rf" victim: look at `OwnKnob`: victim\[{truth['victim']['pid']}\] was silent for [\d.]+ m?s\.$")
        self.stop(tracer)
        done = live.run("demo", "--advice", own)
        self.assert_status(0, done)
        self.assertRegex(" ".join(done.stdout.split()), r"demo-client\[\d+\] was silent for")

    def test_recorded_and_told_anew_with_another_file(self):
        own, other = self.file_with("OwnKnob"), self.file_with("OtherKnob")
        recording = self.directory / "r.db"
        tracer = self.trace("record", "-o", recording, "--advice", own)
        truth = live.provoke("classic")
        self.stop(tracer)
        with sqlite3.connect(recording) as database:
            [(advice,)] = database.execute("SELECT advice FROM incidents WHERE pid = ?", [truth["victim"]["pid"]])
            [(digest,)] = database.execute("SELECT rules_digest FROM traces")
        self.assertIn("`OwnKnob`", advice)
        self.assertRegex(digest, r"^[0-9a-f]{64}\+[0-9a-f]{16}$")
        # Without the file, with it, and with another: each report says what its own rows say.
        for arguments, own_told, other_told in (((), False, False), (("--advice", own), True, False),
                                                (("--advice", other), False, True)):
            done = live.run("report", "--json", *arguments, recording)
            self.assert_status(0, done)
            [incident] = [found for found in map(json.loads, done.stdout.splitlines())
                          if found["process"]["pid"] == truth["victim"]["pid"]]
            self.assert_valid(incident)
            self.assertEqual("`OwnKnob`" in incident["verdict"]["advice"], own_told)
            self.assertEqual("`OtherKnob`" in incident["verdict"]["advice"], other_told)
            page = self.directory / "page.html"
            self.assert_status(0, live.run("report", "--html", page, *arguments, recording))
            self.assertEqual("`OtherKnob`" in page.read_text(), other_told)
            # The rows of the recording serve the summary, where the same advice made them.
            self.assertIn("write_after_peer_close", live.run("report", *arguments, recording).stdout)

    def test_a_bad_file_is_refused_before_anything_begins(self):
        bad = self.directory / "bad.toml"
        bad.write_text(ROW.format(knob="x") + "sidde = \"client\"\n")
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        mark = self.directory / "mark"
        for path, message in ((bad, f"pipetrace: {bad}:7: 'sidde' is no key of a row"),
                              (self.directory / "none", "No such file or directory"),
                              (self.directory, "Is a directory"), (fifo, "Invalid argument")):
            for command, status in ((("-d", "0.1"), 1), (("record", "-o", mark), 1), (("demo",), 1),
                                    (("report", live.ROOT / "tests/golden/recording_1_0.db"), 1),
                                    (("run", "--", "touch", mark), 125)):
                done = live.run("--advice", path, *command)
                self.assert_status(status, done)
                self.assertIn(message, done.stderr)
                self.assertNotIn("pipetrace: tracing", done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertFalse(mark.exists(), command)


if __name__ == "__main__":
    live.main()
