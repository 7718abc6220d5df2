"""Failures as fast as the machine makes them: what is told of them, what is lost, and what it costs."""
import json
import os
import threading
import time

import machine
from tools import Pipetrace, summary_figures
from traffic import run_load

STORM, SPIN = "storm", "spin"
SETTLED_SECONDS_MAX = 60
SETTLED_SHARE = 0.02
LOOK_SECONDS = 0.25
# pipetrace gives a storm's memory back when nothing has come for 4 seconds.
GIVEN_BACK_SECONDS_MAX = 8
LITTLE_KIB = 4 << 10
MEMORY_LOOK_SECONDS = 0.05
FEW_EVENTS = 1000  # below, what a tool takes by itself is all that could be seen


class MemoryWatch:
    """The greatest resident memory of a tool while a load runs."""

    def __init__(self, running):
        self.running, self.greatest_kib = running, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._ended.wait(MEMORY_LOOK_SECONDS):
            self.greatest_kib = max(self.greatest_kib, self.running.memory_kib())

    def __enter__(self):
        if self.running:
            self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        if self.running:
            self._thread.join()


def wait_settled(running):
    """Until the tool has worked off what it had; return the seconds that took."""
    begin = time.monotonic()
    before = running.cpu_ns()
    while time.monotonic() < begin + SETTLED_SECONDS_MAX:
        time.sleep(LOOK_SECONDS)
        now = running.cpu_ns()
        if now - before < SETTLED_SHARE * LOOK_SECONDS * 1e9:
            break
        before = now
    return time.monotonic() - begin


def wait_given_back(running, rest_kib, busy_kib):
    """Until less than half is left of the memory that the load took; return the seconds that took."""
    begin = time.monotonic()
    while running.memory_kib() - rest_kib > max((busy_kib - rest_kib) / 2, LITTLE_KIB):
        if time.monotonic() > begin + GIVEN_BACK_SECONDS_MAX:
            break
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begin


def told_of(path, pid):
    """What the incidents in a JSON output say of one process: how many, and how often each errno. `all` are
    those of other processes too, whose failures a shared machine brings."""
    last, others = {}, set()
    mark = f'"process":{{"pid":{pid},'
    with path.open() as lines:
        for line in lines:
            if mark not in line:
                others.add(json.loads(line)["id"])
                continue
            incident = json.loads(line)
            last[incident["id"]] = {"errors": [(error["errno"], error["count"]) for error in incident["errors"]],
                                    "cause": incident["verdict"]["cause"]}
    told = {"incidents": len(last), "ECONNRESET": 0, "EPIPE": 0, "unknown": 0,
            "all": len(last) + len(others)}
    for incident in last.values():
        told["unknown"] += incident["cause"] == "unknown"
        for errno, count in incident["errors"]:
            told[errno] = told.get(errno, 0) + count
    return told


def count_blocks(path):
    """Incidents in a text output."""
    with path.open() as lines:
        return sum(line.startswith("#") for line in lines)


def run_under(bench, tool, load, *arguments):
    """One load under one tool, to the end of both; return (what the load counted, what the tool took)."""
    running = tool.prepare(bench.scratch)
    took = {}
    try:
        before = running.cpu_ns() if running else 0
        if running:
            took["rest_kib"] = running.memory_kib()
            took["ring_bytes"] = running.ring_bytes()
        watch = machine.Watch(running)
        with MemoryWatch(running) as memory:
            counted = run_load(bench.programs, tool, bench.scratch, load, *arguments)
        took["foreign_share"] = watch.foreign_share()
        if running:
            took["settled_seconds"] = wait_settled(running)
            took["cpu_ns"] = running.cpu_ns() - before
            took["busy_kib"] = max(memory.greatest_kib, running.memory_kib())
            if isinstance(tool, Pipetrace):
                took["given_back_seconds"] = wait_given_back(running, took["rest_kib"], took["busy_kib"])
            took["after_kib"] = running.memory_kib()
    finally:
        took["stop_seconds"] = bench.end(running)
    if running:
        took["messages"] = running.stderr()
    return counted, took


def pipetrace_figures(bench, tool, counted, took):
    """What it told, against what the generator counted itself, and its processor time over both."""
    figures = summary_figures(took["messages"])
    output = tool.output(bench.scratch)
    figures["output_bytes"] = output.stat().st_size
    if tool.form == "json":
        told = told_of(output, counted["pid"])
        figures.update({"told_" + name: value for name, value in told.items()})
    else:
        figures["told_all"] = figures["told_incidents"] = count_blocks(output)
    if figures["events"] >= FEW_EVENTS:
        figures["ns_per_event"] = took["cpu_ns"] / figures["events"]
    if figures["told_all"] >= FEW_EVENTS:
        figures["ns_per_incident"] = took["cpu_ns"] / figures["told_all"]
        figures["events_per_incident"] = figures["events"] / figures["told_all"]
        figures["bytes_per_incident"] = figures["output_bytes"] / figures["told_all"]
    return figures


def measure_load(samples, bench, load, tools, *arguments):
    rounds, seconds_max = getattr(bench.rounds, load), getattr(bench.seconds_max, load)
    for number, tool in samples.rounds(rounds, tools, seconds_max, warm_up=False):
        bench.say(f"{load}, round {number}: {tool.name}")
        counted, took = run_under(bench, tool, load, *arguments)
        messages = took.get("messages", "")
        figures = {"rate": counted["rate"], "operations": counted["operations"],
                   "made_ECONNRESET": counted["ECONNRESET"], "made_EPIPE": counted["EPIPE"]}
        if tool.name != "strace":
            # With the tool's own: what the whole machine spends on one, whoever else it works for.
            spent_ns = counted["cpu_seconds"] * 1e9 + took.get("cpu_ns", 0)
            figures["ns_per_operation"] = spent_ns / max(counted["operations"], 1)
        if isinstance(tool, Pipetrace):
            figures.update(pipetrace_figures(bench, tool, counted, took))
        else:
            figures.update(tool.told(bench.scratch, messages))
            if figures.get("events", 0) >= FEW_EVENTS and "cpu_ns" in took:
                figures["ns_per_event"] = took["cpu_ns"] / figures["events"]
        took.pop("messages", None)
        samples.add(load, tool.name, number, **figures, **took)
        bench.clear_scratch()


def measure(samples, bench, storm_tools, spin_tools):
    threads = len(os.sched_getaffinity(0))
    measure_load(samples, bench, STORM, storm_tools, "--threads", threads,
                 "--count", bench.storm_count, "--seconds", bench.storm_seconds_max)
    measure_load(samples, bench, SPIN, spin_tools, "--seconds", bench.spin_seconds)
