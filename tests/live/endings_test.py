"""How a trace ends: signals, counts, durations, a closed stdout, a full disk; and what it leaves."""
import json
import signal
import statistics
import subprocess
from pathlib import Path

import live
from live import PIPETRACE, LiveTest, provoke, run, wait_for

END_SECONDS_MAX = 0.5  # the aim is 50 ms; machines under load need room
FREED_SECONDS = 10  # the kernel frees detached programs after a grace period


def programs_of(pid):
    """Ids of the BPF programs that a process holds."""
    ids = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        for line in info.read_text().splitlines():
            if line.startswith("prog_id:"):
                ids.add(int(line.split()[1]))
    return ids


def program_ids():
    shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True, check=True)
    return {program["id"] for program in json.loads(shown.stdout)}


class Signals(LiveTest):
    def test_sigint_ends_it_soon_and_well(self):
        taken = []
        for _ in range(5):
            tracer = self.trace("--json")
            taken.append(self.stop(tracer, signal.SIGINT))
        print(f"\nSIGINT to exit: median {statistics.median(taken) * 1000:.1f} ms, "
              f"most {max(taken) * 1000:.1f} ms")
        self.assertLess(max(taken), END_SECONDS_MAX)

    def test_sigterm_ends_it_alike(self):
        tracer = self.trace("--json")
        self.assertLess(self.stop(tracer, signal.SIGTERM), END_SECONDS_MAX)
        self.assertGreater(len(tracer.stderr().splitlines()), 1, "no summary")

    def test_open_incidents_are_printed_at_the_end(self):
        with live.Held("--sigpipe", "ignore") as held:
            tracer = self.trace("--json")
            truth = held.release()
            self.stop(tracer)
        pids = [incident["process"]["pid"] for incident in tracer.last_revisions()]
        self.assertEqual(pids.count(truth["victim"]["pid"]), 1)

    def test_the_summary_counts_incidents(self):
        tracer = self.trace("--json", "--comm", "victim")
        self.incident_of(tracer, provoke("classic"))
        self.stop(tracer)
        summary = tracer.stderr().splitlines()[1:]
        self.assertTrue(any("incident" in line for line in summary), tracer.stderr())
        self.assertTrue(any("lost" in line for line in summary), tracer.stderr())


class Bounds(LiveTest):
    def test_count(self):
        tracer = self.trace("--json", "-c", "1")
        provoke("classic")
        self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 0, tracer.stderr())
        self.assertEqual(len({incident["id"] for incident in tracer.incidents()}), 1)

    def test_duration(self):
        tracer = self.trace("--json", "-d", "1")
        self.assertEqual(tracer.wait_end(5), 0, tracer.stderr())

    def test_duration_is_not_cut_short(self):
        tracer = self.trace("--json", "-d", "1")
        self.assertIsNone(tracer.wait_end(0.7))


class Stdout(LiveTest):
    def test_a_closed_stdout_ends_it_quietly(self):
        process = subprocess.Popen([PIPETRACE, "--json"], stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        head = subprocess.Popen(["head", "-1"], stdin=process.stdout, stdout=subprocess.PIPE, text=True)
        process.stdout.close()
        ready = process.stderr.readline()
        self.assertTrue(ready.startswith("pipetrace: tracing"), ready)
        provoke("classic")
        first, _ = head.communicate(timeout=live.INCIDENT_SECONDS)
        self.assert_valid(json.loads(first))
        provoke("classic")
        self.assertEqual(process.wait(live.INCIDENT_SECONDS), 0)
        rest = process.stderr.read()
        process.stderr.close()
        self.assertNotIn("EPIPE", rest)
        self.assertNotIn("roken pipe", rest)

    def test_a_full_disk(self):
        tracer = self.trace("--json", "-o", "/dev/full")
        provoke("classic")
        self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 1, tracer.stderr())
        self.assertIn("/dev/full", tracer.stderr())
        self.assertIn("No space left on device", tracer.stderr())

    def test_a_full_stdout(self):
        with open("/dev/full", "w") as full:
            process = subprocess.Popen([PIPETRACE, "--json"], stdin=subprocess.DEVNULL, stdout=full,
                                       stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        self.assertTrue(process.stderr.readline().startswith("pipetrace: tracing"))
        provoke("classic")
        self.assertEqual(process.wait(live.INCIDENT_SECONDS), 1)
        self.assertIn("No space left on device", process.stderr.read())
        process.stderr.close()

    def test_output_file(self):
        out = self.directory / "incidents.json"
        tracer = self.trace("--json", "-o", out)
        truth = provoke("classic")
        wait_for(lambda: out.read_text().endswith("\n"), live.INCIDENT_SECONDS, "a line in the file")
        self.stop(tracer)
        pids = [json.loads(line)["process"]["pid"] for line in out.read_text().splitlines()]
        self.assertIn(truth["victim"]["pid"], pids)
        self.assertEqual(tracer.lines, [])

    def test_a_file_that_cannot_be_made(self):
        done = run("--json", "-d", "5", "-o", "/no/such/directory/file")
        self.assert_status(1, done)
        self.assertIn("/no/such/directory/file", done.stderr)


class Left(LiveTest):
    def assert_freed(self, held):
        wait_for(lambda: not held & program_ids(), FREED_SECONDS, "programs freed")

    def held(self, tracer):
        held = programs_of(tracer.process.pid)
        self.assertGreater(len(held), 5, "pipetrace holds no programs")
        self.assertLessEqual(held, program_ids(), "bpftool does not show them")
        return held

    def test_nothing_is_left_after_the_end(self):
        tracer = self.trace("--json")
        held = self.held(tracer)
        self.stop(tracer)
        self.assert_freed(held)

    def test_nothing_is_left_after_sigkill(self):
        tracer = self.trace("--json")
        held = self.held(tracer)
        tracer.process.kill()
        self.assertEqual(tracer.wait_end(5), -signal.SIGKILL)
        self.assert_freed(held)


class Together(LiveTest):
    def test_two_at_once_tell_the_same(self):
        one, two = self.trace("--json"), self.trace("--json")
        truth = provoke("classic")
        told = [self.incident_of(tracer, truth) for tracer in (one, two)]
        self.stop(one)
        later = provoke("unread_close")
        self.assertEqual(self.incident_of(two, later)["verdict"]["cause"], "peer_closed_unread_data")
        self.stop(two)
        self.assertEqual(told[0]["errors"], told[1]["errors"])
        self.assertEqual(told[0]["verdict"]["cause"], told[1]["verdict"]["cause"])


if __name__ == "__main__":
    live.main()
