"""The collector by itself: records of a storm through all its stages, no kernel in it."""
import json
import subprocess

REPLAY = "replay"


def measure(samples, bench):
    """Its repetitions are interleaved by the benchmark library; each is a round."""
    program = bench.programs / "replay"
    if not program.exists():
        bench.say("replay: left out, for it was built without the library benchmark")
        return
    bench.say("replay")
    rounds = bench.rounds.replay
    done = subprocess.run([program, "--benchmark_format=json", f"--benchmark_repetitions={rounds}",
                           "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.5"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=bench.seconds_max.replay,
                          check=True)
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        form = run["name"].split("/")[1]
        samples.add(REPLAY, form, run["repetition_index"] + 1,
                    ns_per_event=run["cpu_time"] / run["events"],
                    ns_per_incident=run["cpu_time"] / run["incidents"],
                    allocations_per_event=run["allocations_per_event"])
