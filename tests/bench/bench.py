"""Measures what pipetrace costs, against what else does the job, and against nothing: one run, one machine.

Writes cost.json (every sample), cost.txt (the tables) and cost.svg (the picture).
Wants root, and the packages that ./bootstrap bench installs.
"""
import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import footprint
import machine
import picture
import replay
import report
import reports
import storm
import tools
import traffic
from samples import BASELINE, CONTROL, Samples

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Rounds:
    """How many of each at most, where the machine is fast enough for SECONDS_MAX."""
    traffic: int
    storm: int
    spin: int
    starts: int
    replay: int
    reports: int


SECONDS_MAX = Rounds(traffic=300, storm=240, spin=60, starts=45, replay=240, reports=300)


class Bench:
    """How much is measured, with what, and where."""

    def __init__(self, options, scratch):
        quick = options.quick
        self.rounds = Rounds(3, 1, 2, 3, 3, 2) if quick else Rounds(9, 3, 5, 12, 7, 3)
        self.seconds_max = SECONDS_MAX
        self.load_seconds = 0.25 if quick else 0.4
        self.redis_requests = 10_000 if quick else 30_000
        self.storm_count = 30_000 if quick else 200_000
        self.report_count = 50_000 if quick else 1_000_000
        self.storm_seconds_max = 5 if quick else 20
        self.spin_seconds = 0.5 if quick else 1
        self.idle_seconds = 2 if quick else 10
        self.pipetrace, self.programs = options.build / "pipetrace", options.build / "tests" / "bench" / "bin"
        self.scratch = scratch
        self._begin = time.monotonic()

    def say(self, text):
        print(f"bench: {time.monotonic() - self._begin:5.0f} s  {text}", file=sys.stderr, flush=True)

    @staticmethod
    def end(running):
        """End a tool that was started; return the seconds its end took."""
        if running is None:
            return 0.0
        try:
            return running.end()
        finally:
            running.__exit__()

    def clear_scratch(self):
        for path in self.scratch.iterdir():
            path.unlink()


def tools_for(bench):
    """{name: tool}, the untraced run and its double first."""
    chosen = [tools.Tool(BASELINE, "untraced"), tools.Tool(CONTROL, "untraced again")]
    for errors in ("inferred", "exact"):
        chosen += [tools.Pipetrace(bench.pipetrace, errors, "json"),
                   tools.EmptyHooks(bench.programs, bench.pipetrace, errors)]
    chosen += [tools.Pipetrace(bench.pipetrace, "exact", "text"), tools.Bpftrace(), tools.Tcpdump(),
               tools.Strace(), tools.MinimalLoader(bench.programs),
               tools.PlainLoader(bench.programs, "inferred"), tools.PlainLoader(bench.programs, "exact"),
               tools.DrainOnly(bench.programs)]
    return {tool.name: tool for tool in chosen}


def measure(samples, bench, by_name, sections):
    def pick(names):
        return [by_name[name] for name in names.split()]

    if "rest" in sections:
        footprint.measure(
            samples, bench,
            pick("pipetrace_inferred plain_loader_inferred pipetrace_exact plain_loader_exact minimal_loader bpftrace "
                 "tcpdump"),
            pick("pipetrace_inferred pipetrace_exact bpftrace tcpdump"))
    if "traffic" in sections:
        traffic.measure(samples, bench, pick(
            "untraced control pipetrace_inferred empty_inferred pipetrace_exact empty_exact bpftrace tcpdump "
            "strace"))
    if "storm" in sections:
        storm.measure(
            samples, bench,
            pick("untraced control pipetrace_inferred pipetrace_exact pipetrace_exact_text drain_only empty_exact "
                 "bpftrace tcpdump strace"),
            pick("untraced control pipetrace_inferred pipetrace_exact empty_exact bpftrace strace"))
    if "replay" in sections:
        replay.measure(samples, bench)
    if "reports" in sections:
        reports.measure(samples, bench)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release",
                        help="build directory: its pipetrace is measured, bench/ in it gets the results")
    parser.add_argument("--quick", action="store_true", help="less of everything, in under two minutes")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--sections", default="rest,traffic,storm,replay,reports")
    parser.add_argument("--again", action="store_true", help="only write the tables of the last run again")
    parser.add_argument("--publish", action="store_true",
                        help="also put the main lines and the picture into the README")
    return parser.parse_args()


def write(samples, titles, facts, options):
    output = options.build / "bench"
    output.mkdir(parents=True, exist_ok=True)
    result = {"facts": facts, "titles": titles, "samples": samples.records}
    (output / "cost.json").write_text(json.dumps(result, indent=1) + "\n")
    text = report.text(samples, titles, facts)
    (output / "cost.txt").write_text(text)
    (output / "cost.svg").write_text(picture.svg(samples, facts))
    if options.publish:
        report.publish(samples, titles, facts, ROOT / "README.md", output / "cost.svg")
    print(text)


def write_again(options):
    last = json.loads((options.build / "bench" / "cost.json").read_text())
    samples = Samples(options.seed)
    samples.records = last["samples"]
    write(samples, last["titles"], last["facts"], options)


def main():
    options = read_options()
    if options.again:
        write_again(options)
        return
    machine.require(["bpftrace", "redis-benchmark", "redis-server", "strace", "taskset", "tcpdump"])
    machine.enter_own_mounts()
    samples = Samples(options.seed)
    scratch = Path(tempfile.mkdtemp(prefix="pipetrace-bench-"))
    failed = True
    try:
        begin = time.monotonic()
        bench = Bench(options, scratch)
        by_name = tools_for(bench)
        measure(samples, bench, by_name, options.sections.split(","))
        failed = False
    finally:
        shutil.rmtree(scratch)
        if samples.records:  # minutes of work, even where the end was not reached
            options.publish = options.publish and not failed
            write(samples, {tool.name: tool.title for tool in by_name.values()},
                  machine.facts(bench.pipetrace, options, time.monotonic() - begin), options)


if __name__ == "__main__":
    main()
