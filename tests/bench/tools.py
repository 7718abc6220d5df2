"""The tools that are measured side by side: how each is started, known to be ready, and ended."""
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAME_JOB = HERE / "same_job.bt"
sys.path.insert(0, str(HERE.parent / "cases"))

from tracer import Tracer  # noqa: E402

# The summary's figures, told on stderr at the end.
EVENTS = re.compile(r"; (\d+) events?, (?:no|(\d+)) events? lost")
# Of programs that the benchmarks have not started: none of theirs is like that.
UNATTRIBUTED = re.compile(r"sigpipe of an unknown descriptor (\d+)")
LOST_BY_BPFTRACE = re.compile(r"\b[Ll]ost (\d+) events")
READY_SECONDS = 20
STOP_SECONDS = 120  # a tool that has a storm's backlog to tell
RING_BUFFER_MAP = 27  # BPF_MAP_TYPE_RINGBUF


class Running(Tracer):
    """A started tool: its processor time and memory while it runs, its messages, its end."""

    def cpu_ns(self):
        """Processor time of all its threads since its start."""
        total = 0
        for path in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            total += int(path.read_text().split()[0])
        return total

    def memory_kib(self, field="VmRSS"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise RuntimeError(f"{field} is not in the status of {self.command[0]}")

    def ring_bytes(self):
        """The size of its ring buffers together."""
        total = 0
        for path in Path(f"/proc/{self.process.pid}/fdinfo").iterdir():
            try:
                text = path.read_text()
            except FileNotFoundError:
                continue  # closed since
            fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
            if fields.get("map_type", "").strip() == str(RING_BUFFER_MAP):
                total += int(fields["max_entries"])
        return total

    def end(self):
        """End it by SIGINT; return the seconds until its exit."""
        descriptor = os.pidfd_open(self.process.pid)  # wakes at once, where wait() with a timeout looks now and then
        try:
            begin = time.monotonic()
            self.process.send_signal(signal.SIGINT)
            select.select([descriptor], [], [], STOP_SECONDS)
            seconds = time.monotonic() - begin
        finally:
            os.close(descriptor)
        status, _ = self.stop()
        if status not in (0, -signal.SIGINT):
            raise RuntimeError(f"{self.command[0]} ended with status {status}: {self.stderr()}")
        return seconds


class Tool:
    """One column of the tables. `wrap` is for tools that start the work themselves."""

    def __init__(self, name, title):
        self.name, self.title = name, title

    def wrap(self, command, _scratch):
        return command

    def start(self, _scratch):
        return None

    def told(self, _scratch, _messages):
        """{events, lost} after its end, where it tells events."""
        return {}

    def prepare(self, scratch):
        """Start it and wait until it sees what happens from now on."""
        running = self.start(scratch)
        if running and not running.wait_ready(READY_SECONDS):
            running.__exit__()
            raise RuntimeError(f"{self.name} was not ready within {READY_SECONDS} s: {running.stderr()}")
        return running


class Pipetrace(Tool):
    def __init__(self, program, errors, form):
        super().__init__(f"pipetrace_{errors}" + ("_text" if form == "text" else ""),
                         f"pipetrace, {errors}" + (", text" if form == "text" else ""))
        self.program, self.errors, self.form = program, errors, form

    @staticmethod
    def output(scratch):
        return scratch / "pipetrace.out"

    def start(self, scratch):
        form = ["--json"] if self.form == "json" else []
        return Running([self.program, "--errors", self.errors, *form, "-o", self.output(scratch)])


class EmptyHooks(Tool):
    """Programs that do nothing, on the hooks that pipetrace uses here: what any tracer of this kind pays."""

    def __init__(self, programs, pipetrace, errors):
        super().__init__(f"empty_{errors}", f"empty programs, {errors}'s hooks")
        self.command = [programs / "empty_hooks", *hooks_of(pipetrace, errors)]

    def start(self, _scratch):
        return Running(self.command, ready="ready")


class MinimalLoader(Tool):
    def __init__(self, programs):
        super().__init__("minimal_loader", "minimal skeleton loader")
        self.program = programs / "minimal_loader"

    def start(self, _scratch):
        return Running([self.program], ready="ready")


class PlainLoader(Tool):
    """The programs that pipetrace loads here, loaded by libbpf as it comes, one after another."""

    def __init__(self, programs, errors):
        super().__init__(f"plain_loader_{errors}", f"plain loader of {errors}'s programs")
        program = programs / "plain_loader"
        self.command = [program, *subprocess.run([program, errors], stdin=subprocess.DEVNULL, capture_output=True,
                                                 text=True, timeout=READY_SECONDS, check=True).stdout.split()]

    def start(self, _scratch):
        return Running(self.command, ready="ready")


class DrainOnly(Tool):
    """pipetrace's kernel programs, their records read and thrown away: what any collector of them pays."""

    def __init__(self, programs):
        super().__init__("drain_only", "records read and thrown away")
        self.program = programs / "drain_only"

    def told(self, _scratch, messages):
        return {"events": number_before(messages, "events read"), "lost": number_before(messages, "lost")}

    def start(self, _scratch):
        return Running([self.program, "exact"], ready="ready")


class Tcpdump(Tool):
    """Its events are packets."""

    def __init__(self):
        super().__init__("tcpdump", "tcpdump -w, all TCP on lo")

    def told(self, _scratch, messages):
        return {"events": number_before(messages, "packets? captured"),
                "lost": number_before(messages, "packets? dropped by kernel")}

    def start(self, scratch):
        return Running(["tcpdump", "-i", "lo", "-n", "-Z", "root", "-w", scratch / "tcpdump.pcap", "tcp"],
                       ready="tcpdump: listening")


class Bpftrace(Tool):
    """It says nothing once it is attached: its perf events are counted, one a probe, and one a processor
    where it does not write to a ring buffer yet."""

    def __init__(self):
        super().__init__("bpftrace", "bpftrace, same_job.bt")

    def start(self, scratch):
        return Running(["bpftrace", "-B", "full", "-o", scratch / "bpftrace.out", SAME_JOB], ready="(never)")

    def prepare(self, scratch):
        probes = SAME_JOB.read_text().count("\ntracepoint:")
        begin = time.monotonic()
        running = self.start(scratch)
        while time.monotonic() < begin + READY_SECONDS and running.process.poll() is None:
            buffers = 0 if running.ring_bytes() else os.cpu_count()
            if perf_events(running.process.pid) >= probes + buffers:
                running.seconds_to_ready = time.monotonic() - begin
                return running
            time.sleep(0.001)
        running.__exit__()
        raise RuntimeError(f"bpftrace did not attach: {running.stderr()}")

    def told(self, scratch, messages):
        """It says how many it lost among what it tells."""
        lost = lines_told = 0
        with (scratch / "bpftrace.out").open(errors="replace") as lines:
            for line in lines:
                found = LOST_BY_BPFTRACE.search(line)
                lost += int(found[1]) if found else 0
                lines_told += not found and line != "\n" and not line.startswith("Attach")
        return {"events": lines_told, "lost": lost + sum(map(int, LOST_BY_BPFTRACE.findall(messages)))}


class Strace(Tool):
    """Its events are calls that failed. Its processor time is its child's too, so it is not told."""

    def __init__(self):
        super().__init__("strace", "strace -f, failed calls")

    def told(self, scratch, _messages):
        with (scratch / "strace.out").open() as lines:
            return {"events": sum(1 for _ in lines)}

    def wrap(self, command, scratch):
        return ["strace", "-f", "--seccomp-bpf", "-qq", "-Z", "-o", scratch / "strace.out",
                "-e", "trace=%net,%desc", "-e", "signal=SIGPIPE", "--", *command]


def summary_figures(messages):
    """{events, lost} of pipetrace's summary; its lines are wrapped."""
    told = re.sub(r"\s+", " ", messages)
    found, unattributed = EVENTS.search(told), UNATTRIBUTED.search(told)
    if not found:
        raise RuntimeError(f"no summary that can be read: {messages}")
    return {"events": int(found[1]), "lost": int(found[2] or 0) - int(unattributed[1] if unattributed else 0)}


def number_before(text, words):
    found = re.search(rf"(\d+) {words}", text)
    return int(found[1]) if found else 0


def perf_events(pid):
    """How many perf events a process holds."""
    count = 0
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += "perf_event" in os.readlink(path)
        except FileNotFoundError:
            continue  # closed since
    return count


def targets_of(names):
    """tcp_v4_send_reset and tcp_v6_send_reset for the short form tcp_v4/v6_send_reset."""
    first, *others = names.split("/")
    if not others:
        return [first]
    begin = first[:first.rfind("_") + 1]
    own, _, ending = others[-1].partition("_")
    return [f"{begin}{part}_{ending}" for part in [first[len(begin):], *others[:-1], own]]


def hooks_of(pipetrace, errors):
    """The hooks that pipetrace uses on this kernel, as pairs MEANS NAME."""
    told = subprocess.run([pipetrace, "doctor", "--json", "--errors", errors], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=READY_SECONDS, check=False)
    hooks = {observation["hook"] for observation in json.loads(told.stdout)["observations"]}
    pairs = []
    for hook in sorted(hook for hook in hooks if hook):
        means, _, names = hook.partition(" ")
        if means in ("tracepoint", "fentry", "fexit", "kprobe", "kretprobe"):
            pairs += [part for name in targets_of(names) for part in (means, name)]
    return pairs
