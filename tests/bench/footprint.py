"""What a tool takes while nothing happens: start to readiness, stop to exit, memory, processor time."""
import time

from tools import summary_figures

REST = "rest"


def measure_starts(samples, bench, tools):
    for number, tool in samples.rounds(bench.rounds.starts, tools, bench.seconds_max.starts):
        bench.say(f"start and stop, round {number}: {tool.name}")
        running = tool.prepare(bench.scratch)
        ready = running.seconds_to_ready
        samples.add(REST, tool.name, number, ready_ms=ready * 1000, stop_ms=bench.end(running) * 1000)


def measure_idle(samples, bench, tools):
    """All at once: they are idle, so none is in another's way."""
    running = {}
    try:
        for tool in tools:
            running[tool.name] = tool.prepare(bench.scratch)
        bench.say(f"idle for {bench.idle_seconds} s: {', '.join(running)}")
        time.sleep(1)
        begin = time.monotonic()
        before = {name: tool.cpu_ns() for name, tool in running.items()}
        time.sleep(bench.idle_seconds)
        seconds = time.monotonic() - begin
        for name, tool in running.items():
            share = (tool.cpu_ns() - before[name]) / 1e9 / seconds
            samples.add(REST, name, 1, idle_percent=share * 100, idle_kib=tool.memory_kib())
    finally:
        for tool in running.values():
            bench.end(tool)
    for name, tool in running.items():
        if name.startswith("pipetrace"):
            # Failures of other programs: then neither it nor the machine was idle.
            samples.add(REST, name, 1, idle_events=summary_figures(tool.stderr())["events"])


def measure(samples, bench, started, idle):
    measure_starts(samples, bench, started)
    measure_idle(samples, bench, idle)
