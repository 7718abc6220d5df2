"""What `journalctl -t pipetrace` shows of `pipetrace serve`: Debian's journald itself takes and shows it."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import own_places

own_places.enter()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))

import live  # noqa: E402
from journald import Journald, as_bytes, entries, journalctl  # noqa: E402

LIVE = Path(live.__file__).parent
VICTIM = f"victim{os.getpid()}"
SECRET = "--password=hush-7391"
ENTRIES_MAX = 1000  # in 30 s
STORM = 1500
HELD = 60  # more than journald's socket holds, on any machine
STORM_OF_PIPES = """
import os, sys
for _ in range(int(sys.argv[1])):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        os.write(writer, b"x")
    except BrokenPipeError:
        os.close(writer)
"""


def fail(*, name=VICTIM, arguments=(), prefix=()):
    """One failure of a process of that name; its pid."""
    done = subprocess.run([*prefix, sys.executable, str(LIVE / "named_victim.py"), name.encode("utf-8",
                          "surrogateescape").hex(), *arguments], check=True, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=live.COMMAND_SECONDS)
    return json.loads(done.stdout)["victim"]["pid"]


def storm(count):
    """So many failures, one pipe each, of one process: its pid."""
    with subprocess.Popen([sys.executable, "-c", STORM_OF_PIPES, str(count)], stdin=subprocess.DEVNULL) as process:
        process.wait(live.COMMAND_SECONDS)
        return process.pid


class JournalTest(live.LiveTest):
    def journald(self):
        journald = Journald()
        self.addCleanup(journald.stop)
        return journald

    def serve(self, *arguments):
        return self.trace("serve", "--json", *arguments)

    def entry_of(self, pid, seconds=10):
        return live.wait_for(lambda: entries(f"PIPETRACE_PID={pid}"), seconds, f"an entry of {pid}")

    def told(self, tracer, pid):
        self.assertTrue(tracer.wait_incident(lambda found: found["process"]["pid"] == pid, live.INCIDENT_SECONDS))

    def test_an_entry_says_what_the_incident_says(self):
        self.journald()
        tracer = self.serve()
        truth = live.provoke("classic")
        incident = self.incident_of(tracer, truth)
        entry, = self.entry_of(truth["victim"]["pid"])
        verdict, process, peer = incident["verdict"], incident["process"], incident["peer"]
        expected = {
            "PIPETRACE_ID": incident["id"], "PIPETRACE_REVISION": "0", "PIPETRACE_TIME": incident["time"],
            "PIPETRACE_ROLE": "victim", "PIPETRACE_CAUSE": verdict["cause"],
            "PIPETRACE_CONFIDENCE": verdict["confidence"], "PIPETRACE_SEVERITY": verdict["severity"],
            "PIPETRACE_SUMMARY": verdict["summary"], "PIPETRACE_ADVICE": verdict["advice"],
            "PIPETRACE_PROCESS": process["comm"], "PIPETRACE_PID": str(process["pid"]),
            "PIPETRACE_UID": "0", "PIPETRACE_EXE": process["exe"], "PIPETRACE_KIND": "tcp",
            "PIPETRACE_LOCAL": incident["endpoint"]["local"], "PIPETRACE_REMOTE": incident["endpoint"]["remote"],
            "PIPETRACE_ERRNO": incident["errors"][0]["errno"], "PIPETRACE_SIGPIPE": incident["sigpipe"],
            "PIPETRACE_PEER_PROCESS": peer["comm"], "PIPETRACE_PEER_PID": str(peer["pid"]),
            "PRIORITY": "4", "SYSLOG_IDENTIFIER": "pipetrace",
        }
        self.assertEqual({name: entry.get(name) for name in expected}, expected)
        self.assertRegex(entry["MESSAGE_ID"], r"\A[0-9a-f]{32}\Z")
        self.assertTrue(entry["MESSAGE"].startswith(f"{process['comm']}[{process['pid']}] "))
        self.assertTrue(entry["MESSAGE"].endswith(f": {verdict['summary']}"))
        self.assertNotIn("CODE_FILE", entry)
        self.stop(tracer)

    def test_a_unit_s_failure_stands_in_its_own_journal(self):
        """As `journalctl -u` and `systemctl status` ask."""
        self.journald()
        unit = f"pipetrace-test-{os.getpid()}.service"
        group = self.control_group(unit)
        tracer = self.serve()
        # Of a process that has ended the group is no longer known: this one lives until its entry is there.
        with subprocess.Popen(["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", sys.executable,
                               str(LIVE / "named_victim.py"), VICTIM.encode().hex()], stdin=subprocess.PIPE) as victim:
            pid = victim.pid
            entry, = self.entry_of(pid)
            victim.stdin.close()
            victim.wait(live.COMMAND_SECONDS)
        self.assertEqual(entry["PIPETRACE_UNIT"], unit)
        self.assertIn(f"{VICTIM}[{pid}] ", journalctl("--unit", unit, "--output=cat"))
        self.stop(tracer)

    def control_group(self, name):
        """A control group of version 2, wherever that is mounted."""
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        points = [words[4] for words in mounts if words[words.index("-") + 1] == "cgroup2"]
        if not points:
            points = ["/run/cgroup2"]
            os.mkdir(points[0])
            subprocess.run(["mount", "-t", "cgroup2", "cgroup2", points[0]], check=True, timeout=10)
        group = Path(points[0]) / name
        group.mkdir()
        self.addCleanup(group.rmdir)
        return group

    def test_hostile_names_stay_in_their_fields(self):
        self.journald()
        tracer = self.serve()
        for name in ("a\nPRIORITY=0", "MESSAGE=x\n\x1b[31m", "\udcff\udcfe\"'\\", "=\r\n=", "\u202egpj"):
            pid = fail(name=name)
            entry, = self.entry_of(pid)
            self.assertEqual(as_bytes(entry["PIPETRACE_PROCESS"]), name.encode("utf-8", "surrogateescape"))
            self.assertEqual(entry["PRIORITY"], "6")  # its own pipe, in order: benign
            message = as_bytes(entry["MESSAGE"]).decode()
            self.assertTrue(message.isprintable(), message)
            self.assertIn(f"[{pid}] ", message)
        self.stop(tracer)

    def test_no_command_line_gets_there(self):
        self.journald()
        tracer = self.serve()
        pid = fail(arguments=[SECRET])
        self.entry_of(pid)
        self.stop(tracer)
        self.assertNotIn(SECRET, journalctl("--output=export", "--all"))

    def test_it_is_silent_without_a_journal_and_tells_of_one_that_goes(self):
        tracer = self.serve("--comm", VICTIM)
        self.told(tracer, fail())
        journald = self.journald()
        pid = fail()
        self.assertEqual(len(self.entry_of(pid)), 1)
        self.assertNotIn("journal", tracer.stderr())
        journald.stop()
        gone = fail()
        live.wait_for(lambda: "cannot write to the journal" in tracer.stderr(), 10, "a message of its end")
        self.journald()
        back = fail()
        self.assertEqual(len(self.entry_of(back)), 1)
        self.assertEqual(entries(f"PIPETRACE_PID={gone}"), [])
        self.stop(tracer)
        self.assertEqual(tracer.stderr().count("cannot write to the journal"), 1)
        self.assertIn("the journal takes incidents again: lost meanwhile: 1", tracer.stderr())
        self.assertRegex(tracer.stderr(), r"journal\s+1\b")

    def test_a_journal_that_does_not_read_holds_nothing_up(self):
        journald = self.journald()
        tracer = self.serve()
        journald.hold(True)
        pid = storm(HELD)
        live.wait_for(lambda: "journald does not read" in tracer.stderr(), 15, "a message of it")
        last = fail()
        self.told(tracer, last)  # the loop goes on
        journald.hold(False)
        live.wait_for(lambda: len(entries(f"PIPETRACE_PID={pid}")) == HELD, 15, "what waited")
        self.entry_of(last)
        self.assertEqual(tracer.stderr().count("journald does not read"), 1)
        self.stop(tracer)
        self.assertIn("the journal takes incidents again: none was lost", tracer.stderr())

    def test_its_end_does_not_wait_for_a_held_journal(self):
        journald = self.journald()
        tracer = self.serve()
        journald.hold(True)
        storm(HELD)
        live.wait_for(lambda: "journald does not read" in tracer.stderr(), 15, "a message of it")
        self.assertLess(self.stop(tracer, signal.SIGTERM), 6)
        self.assertRegex(tracer.stderr(), r"journal\s+\d+")

    def test_a_storm_is_told_as_a_count(self):
        self.journald()
        tracer = self.serve()
        pid = storm(STORM)
        live.wait_for(lambda: len(self.of(tracer, pid)) == STORM, 20, "all lines")
        self.stop(tracer)
        ours = f"_PID={tracer.process.pid}"
        untold = sum(int(entry.get("PIPETRACE_UNTOLD", 0)) for entry in entries(ours))
        told = entries(ours, "PIPETRACE_ROLE=victim")
        everything = len({found["id"] for found in tracer.incidents()})
        self.assertLessEqual(len(told), 2 * ENTRIES_MAX)
        self.assertGreater(untold, 0)
        self.assertEqual(len(told) + untold, everything)
        self.assertEqual(len({entry["PIPETRACE_ID"] for entry in told}), len(told), "one entry an incident")
        self.assertNotIn("uppressed", journalctl("--output=cat"))

    @staticmethod
    def of(tracer, pid):
        return {found["id"] for found in tracer.incidents() if found["process"]["pid"] == pid}

    def test_later_revisions_make_no_second_entry(self):
        self.journald()
        tracer = self.serve()
        # EPIPE again and again, for longer than the incident waits to be told.
        victim = subprocess.Popen([sys.executable, "-c", "import os, time\n"
                                   "r, w = os.pipe(); os.close(r)\n"
                                   "for _ in range(30):\n"
                                   "    try: os.write(w, b'x')\n"
                                   "    except BrokenPipeError: time.sleep(.05)\n"], stdin=subprocess.DEVNULL)
        victim.wait(live.COMMAND_SECONDS)
        revised = live.wait_for(lambda: [found for found in tracer.incidents() if found["revision"] > 0 and
                                         found["process"]["pid"] == victim.pid], 10, "a revision")
        self.assertTrue(revised)
        self.stop(tracer)
        self.assertEqual([entry["PIPETRACE_REVISION"] for entry in entries(f"PIPETRACE_PID={victim.pid}")], ["0"])


if __name__ == "__main__":
    live.main("journald")
