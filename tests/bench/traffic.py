"""Healthy traffic: nothing fails, so a tracer of failures should not be felt."""
import csv
import json
import os
import socket
import subprocess
import time

import machine
from samples import MACHINE

LOAD_SECONDS_MAX = 60
REDIS_START_SECONDS = 20
PING_PONG, REDIS, CONNECTIONS, OTHER_CALLS = LOADS = ("ping_pong", "redis", "connections", "other_calls")
TITLES = {
    PING_PONG: "loopback ping-pong, one core",
    REDIS: "redis-benchmark, one core",
    CONNECTIONS: "connections opened and closed",
    OTHER_CALLS: "calls on no socket",
}


def run_load(programs, tool, scratch, load, *arguments):
    """Run one load to its end, in the tool's hands if it starts programs itself; return what it counted."""
    command = [programs / "load", load, *map(str, arguments)]
    done = subprocess.run(list(map(str, tool.wrap(command, scratch))), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=LOAD_SECONDS_MAX, check=True)
    counted = json.loads(done.stdout)
    counted["rate"] = counted["operations"] / counted["seconds"]
    counted["cpu_ns"] = counted["cpu_seconds"] * 1e9 / max(counted["operations"], 1)
    return counted


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + REDIS_START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("the Redis server did not start")


def redis_says(port, *command):
    return subprocess.run(["redis-cli", "-p", str(port), *command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LOAD_SECONDS_MAX, check=False).stdout


def server_seconds(port):
    """Processor time of the server so far."""
    fields = dict(line.split(":", 1) for line in redis_says(port, "info", "cpu").splitlines() if ":" in line)
    return float(fields["used_cpu_user"]) + float(fields["used_cpu_sys"])


def client_seconds():
    times = os.times()
    return times.children_user + times.children_system


def run_redis(tool, scratch, requests, core):
    """Requests a second, and processor time a request, of a server and a client that share one core."""
    port = unused_port()
    pinned = ["taskset", "-c", str(core)]
    server_command = [*pinned, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                      "--appendonly", "no", "--dir", str(scratch)]
    server = subprocess.Popen(list(map(str, tool.wrap(server_command, scratch))),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        server_before, client_before = server_seconds(port), client_seconds()
        done = subprocess.run([*pinned, "redis-benchmark", "-p", str(port), "-t", "get", "-n", str(requests),
                               "-c", "20", "--csv"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LOAD_SECONDS_MAX, check=True)
        rows = list(csv.DictReader(done.stdout.splitlines()))
        seconds = client_seconds() - client_before + server_seconds(port) - server_before
        return {"rate": float(rows[0]["rps"]), "cpu_ns": seconds * 1e9 / requests}
    finally:
        redis_says(port, "shutdown", "nosave")
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def measure(samples, bench, tools):
    """One attachment of each tool a round serves all loads."""
    core = min(os.sched_getaffinity(0))
    for number, tool in samples.rounds(bench.rounds.traffic, tools, bench.seconds_max.traffic):
        bench.say(f"traffic, round {number}: {tool.name}")
        running = tool.prepare(bench.scratch)
        try:
            watch = machine.Watch(running)
            for load in (PING_PONG, CONNECTIONS, OTHER_CALLS):
                counted = run_load(bench.programs, tool, bench.scratch, load, "--cpu", core,
                                   "--seconds", bench.load_seconds)
                samples.add(load, tool.name, number, rate=counted["rate"], cpu_ns=counted["cpu_ns"])
            requests = bench.redis_requests // (20 if tool.name == "strace" else 1)
            samples.add(REDIS, tool.name, number, **run_redis(tool, bench.scratch, requests, core))
            samples.add(MACHINE, tool.name, number, foreign_share=watch.foreign_share())
        finally:
            bench.end(running)
