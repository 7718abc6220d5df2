"""Leaves `pipetrace serve` running on a host that is never still, and watches it: memory, descriptors and threads stay
flat, and its JSON lines, its recording and its metrics tell each failure that the load made, or it says what it lost.

Usage: soak.py --pipetrace FILE [--churn FILE] [--minutes 30] [--connections 1000000] [--reset-every 33]
A line a minute, and a verdict; exit status 0 only if it is good.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

MEBIBYTE = 1 << 20
RSS_MAX = 64 * MEBIBYTE
RSS_GROWTH_MAX = 3 * MEBIBYTE
TRANSIENT_DESCRIPTORS = 16  # of a look at /proc, the recording's own
READY_SECONDS = 20
TOLD_SECONDS = 30  # after the load has ended
STOP_SECONDS = 30
STEADY_SECONDS_MIN = 120  # shorter runs show bounds, not slopes
MADE = {"resets": "tcp", "pipes": "pipe", "unix_sockets": "unix"}


class Lines:
    """Follows the file of JSON lines as a log shipper does, over its being moved away."""

    def __init__(self, path, comm):
        self.path, self.comm = path, comm
        self.file, self.rest = None, b""
        self.ids, self.by_kind, self.repeated, self.bytes = set(), Counter(), 0, 0

    def read(self):
        """All that is there."""
        while True:
            if self.file is None and self.path.exists():
                self.file = open(self.path, "rb", buffering=0)
            if self.file is None:
                return
            moved = not self.path.exists() or self.path.stat().st_ino != os.fstat(self.file.fileno()).st_ino
            while chunk := self.file.read(MEBIBYTE):
                self.take(chunk)
            if not moved:
                return
            self.file.close()
            self.file = None

    def take(self, chunk):
        *whole, self.rest = (self.rest + chunk).split(b"\n")
        for line in whole:
            found = json.loads(line)
            if found["revision"] > 0 or found["process"]["comm"] != self.comm:
                continue
            self.bytes += len(line) + 1
            self.repeated += found["id"] in self.ids
            self.ids.add(found["id"])
            self.by_kind[found["endpoint"]["kind"]] += 1


class Load:
    """churn, and what it has counted so far."""

    def __init__(self, options, name):
        self.counts = dict.fromkeys(("connections", *MADE, "processes"), 0)
        self.process = subprocess.Popen([options.churn, name, str(options.connections), str(options.minutes * 60),
                                         str(options.reset_every)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        text=True)
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        for line in self.process.stdout:
            self.counts = json.loads(line)

    def made(self):
        return Counter({kind: self.counts[name] for name, kind in MADE.items() if self.counts[name]})


class Monitor:
    """`pipetrace serve`, watched."""

    def __init__(self, options, folder, name):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.messages = open(folder / "stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [options.pipetrace, "serve", "--comm", name, "-o", folder / "lines.json", "--recording",
             folder / "serve.db", "--metrics", f"127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.messages)
        self.samples = []

    def stderr(self):
        self.messages.seek(0)
        return self.messages.read()

    def wait_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while "pipetrace: tracing" not in self.stderr():
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"soak: serve is not ready: {self.stderr()}")
            time.sleep(0.05)

    def sample(self):
        """(resident bytes, descriptors, threads, BPF maps, bytes of them) now."""
        proc = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        maps = map_bytes = 0
        descriptors = os.listdir(proc / "fdinfo")
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                text = (proc / "fdinfo" / descriptor).read_text()
                if "\nmap_type:" in text:
                    maps += 1
                    map_bytes += int(re.search(r"^memlock:\s*(\d+)", text, re.M).group(1))
        self.samples.append((int(status["VmRSS"].split()[0]) * 1024, len(descriptors), int(status["Threads"]), maps,
                             map_bytes))

    def metrics(self):
        """The incidents that the metrics count, their series and the bytes of an answer; None: nobody answers there."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        counts = re.findall(r"^pipetrace_incidents_total\{.*\} (\S+)$", text, re.M)
        series = sum(not line.startswith("#") for line in text.splitlines())
        return {"incidents": sum(int(float(value)) for value in counts), "series": series, "bytes": len(text)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def losses(self):
        """By kind, as its summary has them."""
        summary = self.stderr().rsplit("pipetrace: ", 1)[-1]
        found = re.search(r"events? lost\s+\((.*?)\)", summary, re.S)
        kinds = re.findall(r"([a-z_ ]+?)\s+(\d[\d,]*)", " ".join(found.group(1).split())) if found else []
        return {kind.strip(" ,"): int(count.replace(",", "")) for kind, count in kinds}

    def only_counted(self):
        """Those of a storm of others' that made it shed load: whose they are is not said."""
        found = re.search(r"(\d+)\s+more\s+incidents?\s+only\s+counted", self.stderr())
        return int(found.group(1)) if found else 0


def minute_line(seconds, load, lines, monitor):
    rss, descriptors, threads, maps, map_bytes = monitor.samples[-1]
    counts = load.counts
    print(f"{seconds / 60:5.1f} min: {counts['connections']:,} connections, {counts['processes']:,} processes, "
          f"{sum(load.made().values()):,} failures, {len(lines.ids):,} told; RSS {rss / MEBIBYTE:.1f} MiB, "
          f"{descriptors} descriptors, {threads} threads, {maps} maps of {map_bytes / MEBIBYTE:.1f} MiB", flush=True)


def growth_complaints(samples):
    """What is not flat."""
    complaints = []
    largest = max(sample[0] for sample in samples)
    if largest > RSS_MAX:
        complaints.append(f"RSS reached {largest / MEBIBYTE:.1f} MiB")
    if len(samples) < STEADY_SECONDS_MIN:
        return complaints
    fifth = len(samples) // 5
    for place, name, allowed in ((0, "RSS", RSS_GROWTH_MAX), (1, "descriptors", 0), (2, "threads", 0), (3, "maps", 0),
                                 (4, "bytes of maps", 0)):
        early = statistics.median(sample[place] for sample in samples[fifth:2 * fifth])
        late = statistics.median(sample[place] for sample in samples[-fifth:])
        if late - early > allowed:
            complaints.append(f"{name} grew from {early:,.0f} to {late:,.0f}")
        if place == 1 and max(sample[1] for sample in samples) > early + TRANSIENT_DESCRIPTORS:
            complaints.append(f"{max(sample[1] for sample in samples)} descriptors at once")
    return complaints


def recorded(path, name):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        whole = database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        count, = database.execute("SELECT count(DISTINCT id) FROM incidents WHERE comm = ?", (name,)).fetchone()
        first, = database.execute("SELECT min(segment_id) FROM segments").fetchone()
    return whole, count, first is not None and first > 1


def count_complaints(load, lines, monitor, metrics, recording):
    complaints = []
    made, told, lost = load.made(), lines.by_kind, monitor.losses()
    missing = {kind: count - told[kind] for kind, count in made.items() if told[kind] != count}
    unreported = sum(missing.values()) - sum(lost.values()) - monitor.only_counted()
    if unreported > 0 or any(count < 0 for count in missing.values()):
        complaints.append(f"lines: made {dict(made)}, told {dict(told)}, reported as lost {lost}")
    if lines.repeated:
        complaints.append(f"{lines.repeated} incidents were told twice")
    all_told = sum(told.values())
    if metrics is not None and not all_told <= metrics["incidents"] <= all_told + monitor.only_counted():
        complaints.append(f"metrics count {metrics['incidents']:,} incidents, the lines {all_told:,}")
    whole, count, pruned = recording
    if not whole or (count != sum(told.values()) and not pruned and "recording" not in lost):
        complaints.append(f"the recording has {count:,} incidents, whole: {whole}")
    return complaints


def run(options, folder):
    name = f"churn{os.getpid()}"[:15]
    monitor = Monitor(options, folder, name)
    load = None
    try:
        monitor.wait_ready()
        lines, load = Lines(folder / "lines.json", name), Load(options, name)
        began = time.monotonic()
        limit, minute = options.minutes * 60 * 2 + 60, 1
        while load.process.poll() is None and time.monotonic() - began < limit:
            time.sleep(1)
            if monitor.process.poll() is not None:
                return [f"serve ended by itself, with status {monitor.process.poll()}"], lines, load, monitor
            monitor.sample()
            lines.read()
            if time.monotonic() - began >= minute * 60:
                minute_line(time.monotonic() - began, load, lines, monitor)
                minute += 1
        load.thread.join(10)
        if load.process.poll() != 0:
            return [f"the load ended with status {load.process.poll()}"], lines, load, monitor
        deadline = time.monotonic() + TOLD_SECONDS
        while len(lines.ids) < sum(load.made().values()) and time.monotonic() < deadline:
            time.sleep(0.2)
            lines.read()
        monitor.sample()
        minute_line(time.monotonic() - began, load, lines, monitor)
        metrics = monitor.metrics()
        status = monitor.stop()
        lines.read()
        complaints = [] if status == 0 else [f"serve ended with status {status}"]
        recording = recorded(folder / "serve.db", name)
        complaints += growth_complaints(monitor.samples)
        complaints += count_complaints(load, lines, monitor, metrics, recording)
        told = len(lines.ids) or 1
        print(f"soak: {lines.bytes / told:,.0f} bytes a line, "
              f"recording of {(folder / 'serve.db').stat().st_size:,} bytes "
              f"with {recording[1]:,} incidents{', its oldest pruned' if recording[2] else ''}; metrics: {metrics}; "
              f"lost: {monitor.losses()}")
        return complaints, lines, load, monitor
    finally:
        for process in filter(None, (monitor.process, load and load.process)):
            if process.poll() is None:
                process.kill()
                process.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pipetrace", required=True, type=Path)
    parser.add_argument("--churn", type=Path, help="default: beside the build's other test programs")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--connections", type=int, default=1_000_000)
    parser.add_argument("--reset-every", type=int, default=33)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: needs root: this user is another")
        sys.exit(77)
    options.churn = options.churn or options.pipetrace.parent / "tests/monitor/bin/churn"
    folder = Path(tempfile.mkdtemp(prefix="pipetrace-soak-"))
    try:
        complaints, lines, load, monitor = run(options, folder)
        if complaints:
            print(f"--- what serve said:\n{monitor.stderr()}---")
    finally:
        shutil.rmtree(folder)
    for complaint in complaints:
        print(f"soak: FAILED: {complaint}")
    if not complaints:
        made = sum(load.made().values())
        missing = made - len(lines.ids)
        missing = f"the other {missing:,} reported as lost or only counted" if missing else "none lost"
        print(f"soak: passed: {load.counts['connections']:,} connections, {load.counts['processes']:,} processes, "
              f"{made:,} failures, {len(lines.ids):,} told, each once, {missing}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
