"""A storm of resets, as fast as this machine makes them, costs `pipetrace serve` a quarter of a processor at most: it
tells a share, counts the rest, and recovers by itself. A moderate load is told in full."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import own_places

own_places.enter()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))

import live  # noqa: E402
from exposition import Exposition, fetch  # noqa: E402

LOAD = os.environ["STORM_LOAD"]
STORM_SECONDS = 10
CORES_MAX = 0.25
MEMORY_KIB_MAX = 64 << 10
LITTLE_KIB = 28 << 10  # the ring's pages, SQLite's cache where somebody still fails, and what malloc holds between
RECOVERY_SECONDS = 15
COUNTED_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def number_of(pattern, text):
    """In a summary, whose lines are wrapped; 0 where it says nothing of the kind."""
    found = re.search(pattern, " ".join(text.split()))
    return int(found.group(1)) if found else 0


class StormTest(live.LiveTest):
    def setUp(self):
        super().setUp()
        # By a name of its own: whoever else makes a storm here meanwhile is not counted with it.
        self.load = self.directory / f"storm-{os.getpid()}"
        shutil.copy(LOAD, self.load)

    def serve(self):
        return self.trace("serve", "--json", "--metrics", "127.0.0.1:0", "--recording", self.directory / "recording.db")

    @staticmethod
    def series(tracer):
        url = re.search(r"metrics on (http://\S+/metrics)", " ".join(tracer.stderr().split()))[1]
        return Exposition(fetch(url)).series.items()

    def incidents_of_load(self, tracer):
        """As the metrics have them, told and only counted: those of others on this machine are not among them."""
        return sum(number for (name, labels), number in self.series(tracer)
                   if name == "pipetrace_process_incidents_total" and ("process", self.load.name) in labels)

    def all_of(self, tracer, *names):
        return sum(number for (name, _), number in self.series(tracer) if name in names)

    def storm(self, pid, *arguments):
        """(what the load counted itself, seconds of processor time that serve took, its greatest memory)."""
        before, greatest = processor_seconds(pid), 0
        with subprocess.Popen([self.load, "storm", *arguments], stdout=subprocess.PIPE, text=True) as load:
            while load.poll() is None:
                greatest = max(greatest, memory_kib(pid))
                time.sleep(0.05)
            made = json.load(load.stdout)
        self.assertEqual(load.returncode, 0)
        return made, processor_seconds(pid) - before, greatest

    def is_told_in_full(self, tracer):
        """Whether a failure that happens now is told, and not as one of a share."""
        pid = live.provoke("unread_close")["victim"]["pid"]
        if not tracer.wait_incident(lambda found: found["process"]["pid"] == pid, 2):
            return False
        told = next(found for found in tracer.incidents() if found["process"]["pid"] == pid)
        self.assert_valid(told)
        return "sampled" not in told

    def test_a_storm(self):
        tracer = self.serve()
        pid, at_rest = tracer.process.pid, memory_kib(tracer.process.pid)
        made, used, greatest = self.storm(pid, "--threads", str(os.cpu_count()), "--seconds", str(STORM_SECONDS))
        self.assertLessEqual(used / made["seconds"], CORES_MAX, made)
        self.assertLessEqual(greatest, MEMORY_KIB_MAX)
        # By itself, within seconds.
        live.wait_for(lambda: self.is_told_in_full(tracer), RECOVERY_SECONDS, "a story told in full")
        live.wait_for(lambda: memory_kib(pid) - at_rest < LITTLE_KIB, RECOVERY_SECONDS, "memory given back")
        # What is lost is said; without its holder an incident has no process's name.
        live.wait_for(lambda: self.all_of(tracer, "pipetrace_process_incidents_total", "pipetrace_events_lost_total") >=
                      made["operations"], COUNTED_SECONDS, "each incident, told or counted")
        self.assertLessEqual(self.incidents_of_load(tracer), made["operations"])
        self.stop(tracer)
        told = {found["id"]: found for found in tracer.last_revisions()}.values()
        own = [found for found in told if found["process"]["pid"] == made["pid"]]
        sampled = [found for found in own if "sampled" in found]
        for found in sampled:
            self.assert_valid(found)
        self.expect_counts(tracer.stderr(), made, len(told), len(own))
        self.assertGreater(len(sampled), 0, "some are told in any storm, and say that they are some")
        shares = [found["sampled"]["share"] for found in sampled]
        self.assertLess(min(shares), 0.5)
        self.assertGreaterEqual(min(shares), 0)

    def expect_counts(self, summary, made, told, own):
        counted = number_of(r"(\d+) more incidents only counted", summary)
        received = number_of(r"(\d+) received", summary)
        lost_resets = number_of(r"reset_received (\d+)", summary)
        lost = number_of(r"(\d+) events? lost", summary)
        incidents, lines = number_of(r"(\d+) incidents?;", summary), number_of(r"lines (\d+)", summary)
        self.assertLessEqual(told, incidents)
        self.assertGreaterEqual(told + lines, incidents, "lines that we did not read in time are said to be lost")
        self.assertGreater(counted, 0)
        # What is lost is said, and nothing else is missing.
        self.assertGreaterEqual(received + lost_resets, made["operations"], summary)
        self.assertGreaterEqual(own + counted + lost, made["operations"], summary)

    def test_a_moderate_load_is_told_in_full(self):
        tracer = self.serve()
        made = {"operations": 0}
        for _ in range(15):
            some, _, _ = self.storm(tracer.process.pid, "--count", "100", "--seconds", "10")
            made["operations"] += some["operations"]
            live.wait_for(lambda: sum("peer_abortive_close" in line for line in list(tracer.lines)) >=
                          made["operations"], 10, "every story")
        self.stop(tracer)
        self.assertEqual([found for found in tracer.incidents() if "sampled" in found], [])
        self.assertNotIn("only counted", tracer.stderr())

    def test_a_recording_says_so_too(self):
        tracer = self.serve()
        made, _, _ = self.storm(tracer.process.pid, "--threads", "2", "--seconds", "3")
        self.stop(tracer)
        counted = number_of(r"(\d+) more incidents? only counted", tracer.stderr())
        self.assertGreater(counted, 0, made)
        recording = self.directory / "recording.db"
        summary = live.run("report", recording)
        self.assert_status(0, summary)
        self.assertIn(f"{counted} more incidents were only counted", " ".join(summary.stdout.split()))
        live_lines = {found["id"]: found.get("sampled") for found in tracer.last_revisions()}
        replayed = live.run("report", "--json", recording)
        self.assert_status(0, replayed)
        again = {found["id"]: found.get("sampled") for found in map(json.loads, replayed.stdout.splitlines())}
        sampled = [one for one in live_lines if live_lines[one] and one in again]
        self.assertGreater(len(sampled), 0)
        self.assertEqual([one for one in sampled if again[one] is None], [])


if __name__ == "__main__":
    live.main()
