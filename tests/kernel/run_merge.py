#!/usr/bin/env python3
"""Boot one kernel twice, joined by a wire, the clocks minutes apart; each records itself. Merge the recordings here.

The victims of one host must learn from the other's recording who ended their connections, and how.
"""
import json
import re
import shutil
import subprocess
from pathlib import Path

import make_initramfs
import fetch_kernel
import run_matrix
import run_remote

HERE = run_matrix.HERE
CLOCK_AHEAD_SECONDS = 183
# What the two machines read from the clock of this one when they boot: whole seconds.
CLOCK_READING_SECONDS = 3
REPORT_SECONDS = 60
# To end its recording, once the victims have ended theirs.
PEER_END_SECONDS = 40
WEB, DB = "web1", "db1"
HOST = "hostname {name}\ndate -s @$(($(date +%s) + {ahead}))\n"
PEER = "python3"

# Case -> cause, confidence, what the peer did, what it had not read. Without the other host's recording each
# would be a guess, or less: remote_cases.py has what is known then.
JOINED = {
    "remote_close": ("write_after_peer_close", "certain", "close", 0),
    "remote_killed": ("peer_process_died", "certain", "killed", 0),
    "remote_race": ("close_race", "certain", "close", 0),
    "remote_half_unread": ("peer_closed_unread_data", "certain", "close", 5),
    "remote_half_written": ("peer_closed_unread_data", "certain", "close", 5),
    "remote_unread": ("peer_closed_unread_data", "certain", "close", 5),
    "remote_killed_unread": ("peer_process_died", "certain", "killed", 5),
    "remote_abort": ("peer_abortive_close", "certain", "abort", 0),
    "remote_dials_us": ("peer_abortive_close", "certain", "abort", 0),
    "remote_forgot": ("peer_reset", "certain", "abort", 0),
    "remote_forgot_idle": ("idle_connection_reset", "certain", "abort", 0),
    "remote_refused": ("connection_refused", "certain", None, None),
}
# The peer's kernel sent no RST: nothing is to be joined, and nobody named.
LEFT = {"remote_forged": "forged_reset", "remote_forged_twice": "peer_reset", "remote_filtered": "firewall_reset"}
UNMERGED = {"remote_unread": "peer_reset", "remote_abort": "peer_reset"}


def prepare(options, work):
    kernel = fetch_kernel.fetch(options.kernel, options.cache)
    mode, = options.modes
    common = dict(pipetrace=options.build / "pipetrace", cases=options.cases, modules=kernel / "modules", network=True)
    record = f"exec python3 /extra/record_host.py {mode} {run_remote.PEER_ADDRESS}"
    make_initramfs.build(work / "initramfs", **common, provokers=options.build / "tests/provokers/bin",
                         extra=[HERE / "record_host.py"],
                         job="#!/bin/sh\n" + HOST.format(name=WEB, ahead=0) + run_remote.BEGIN
                             + f"{record} {' '.join([*JOINED, *LEFT])}\n")
    make_initramfs.build(work / "peer_initramfs", **common, extra=[HERE / "record_host.py", HERE / "remote_peer.py"],
                         job="#!/bin/sh\n" + HOST.format(name=DB, ahead=CLOCK_AHEAD_SECONDS)
                             + run_remote.LINK_UP.format(address=run_remote.PEER_ADDRESS) + record + "\n")
    return kernel


def boot_pair(options, kernel, work, boot_work, job_seconds):
    """The victims' outcome, with the peer's results below it."""
    outcome, peer = run_remote.boot_both(options, kernel, work, boot_work, job_seconds, PEER_END_SECONDS)
    if outcome.failure or peer.failure:
        outcome.failure = outcome.failure or f"the peer's VM: {peer.failure}"
        outcome.console += f"\n--- the peer's VM: {peer.describe()}"
        return outcome
    shutil.copytree(peer.results, outcome.results / "peer", dirs_exist_ok=True)
    return outcome


def report(options, *recordings, origin=False):
    """Return (the incidents, what was said beside them)."""
    command = [options.build / "pipetrace", "report", *recordings, "--json", *(["--origin"] if origin else [])]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=REPORT_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"report ended with status {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def of_case(incidents, name, truth):
    """The one incident of the case's victim."""
    pid = truth["victim"]["pid"]
    found = [incident for incident in incidents if incident["host"]["name"] == WEB
             and incident["role"] == "victim" and incident["process"]["pid"] == pid]
    if len(found) != 1:
        raise RuntimeError(f"{name}: {len(found)} incidents of pid {pid}")
    return found[0]


def faults_of_order(incident):
    events = [f"{entry['side']}:{entry['event']}" for entry in incident["timeline"]]
    times = [entry["t_us"] for entry in incident["timeline"]]
    if times != sorted(times):
        yield f"the timeline is not in order: {times}"
    by_fin = any(entry["side"] == "peer" and entry["detail"].get("via") == "FIN" for entry in incident["timeline"])
    pairs = [("peer:rst_sent", "network:rst_received"), ("peer:closed", "peer:rst_sent")]
    for cause, effect in pairs + ([("peer:closed", "network:fin_received")] if by_fin else []):
        if cause in events and effect in events and events.index(cause) > events.index(effect):
            yield f"{effect} before {cause}"
    if "peer:rst_sent" not in events:
        yield "the peer's RST is not told"


def faults_of_joined(incident, expected):
    cause, confidence, action, unread = expected
    verdict, peer = incident["verdict"], incident["peer"]
    if verdict["cause"] != cause:
        yield f"cause {verdict['cause']}, not {cause}: {verdict['summary']}"
    # A forged RST with the right number is excluded where the packet was seen.
    if verdict["confidence"] != confidence and not incident["lost"] and incident["rst"]["flags"]:
        yield f"confidence {verdict['confidence']}, not {confidence}"
    if peer is None:
        yield "no peer"
        return
    if peer["host"] != DB or f" on {DB}" not in verdict["summary"]:
        yield f"host {peer['host']}, summary: {verdict['summary']}"
    named = peer["comm"] if action else peer["pid"]
    if named != (PEER if action else None):
        yield f"peer {named}"
    if action and f"{PEER}[{peer['pid']}] on {DB}" not in verdict["summary"] and cause != "idle_connection_reset":
        yield f"the summary does not name the peer: {verdict['summary']}"
    if (peer["action"], peer["unread_bytes"]) != (action, unread):
        yield f"it did {peer['action']} with {peer['unread_bytes']} bytes unread, not {action} with {unread}"
    if "this host" in verdict["summary"] or not incident["rst"]["why"]:
        yield f"why {incident['rst']['why']}, summary: {verdict['summary']}"
    yield from faults_of_order(incident)


def faults_of_left(incident, cause):
    # Where its packet was not seen, it cannot be told from the RST that the peer sent a moment later.
    if not incident["rst"]["flags"] and incident["verdict"]["confidence"] == "likely":
        return
    if incident["verdict"]["cause"] != cause:
        yield f"cause {incident['verdict']['cause']}, not {cause}: {incident['verdict']['summary']}"
    if incident["peer"] is not None:
        yield f"a peer is named: {incident['peer']}"


def faults_of_clock(notes):
    said = re.search(rf"clock of (\w+) is (\d+)\.\d+ s (ahead of|behind) (\w+)'s \(from (\d+) segments?, within", notes)
    if not said:
        yield f"nothing is said of the clocks: {notes}"
        return
    ahead = said[1] == DB and said[3] == "ahead of" or said[1] == WEB and said[3] == "behind"
    # Within: what a slow emulated machine adds to each way.
    if not ahead or abs(int(said[2]) - CLOCK_AHEAD_SECONDS) > CLOCK_READING_SECONDS or int(said[5]) < len(JOINED) / 2:
        yield f"the clocks are told wrong: {said[0]}"


def judge_merged(options, outcome, document):
    ours, theirs = outcome.results / "recording.db", outcome.results / "peer" / "recording.db"
    merged, notes = report(options, ours, theirs, origin=True)
    alone, _ = report(options, ours)
    print(notes, flush=True)
    problems = list(faults_of_clock(notes))
    joined = set()
    for name, truth in document["cases"].items():
        if "failure" in truth:
            problems.append(f"{name}: {truth['failure']}")
            continue
        incident = of_case(merged, name, truth)
        print(f"{name}: {incident['verdict']['confidence']}: {incident['verdict']['summary']}", flush=True)
        faults = (faults_of_joined(incident, JOINED[name]) if name in JOINED else faults_of_left(incident, LEFT[name]))
        problems += [f"{name}: {fault}" for fault in faults]
        if name in JOINED:
            joined.add((incident["endpoint"]["remote"], incident["endpoint"]["local"]))
        if name in UNMERGED and of_case(alone, name, truth)["verdict"]["cause"] != UNMERGED[name]:
            problems.append(f"{name}: known without the peer's recording")
    told_twice = [incident["id"] for incident in merged if incident["role"] == "origin"
                  and (incident["endpoint"]["local"], incident["endpoint"]["remote"]) in joined]
    if told_twice:
        problems.append(f"told by both ends: {told_twice}")
    return problems


def judge(options, outcome):
    mode, = options.modes
    file = outcome.results / f"{mode}.json"
    peer_file = outcome.results / "peer" / f"{mode}.json"
    if not file.exists() or not peer_file.exists():
        return [f"no results: {outcome.describe()}"]
    document, peer = (json.loads(path.read_text(encoding="utf-8")) for path in (file, peer_file))
    # For run_matrix, which looks there for hooks that the kernel skipped.
    document["stderr"] += peer["stderr"]
    file.write_text(json.dumps(document), encoding="utf-8")
    print(document["stderr"], flush=True)
    problems = [f"record ended with status {one['exit_status']}" for one in (document, peer) if one["exit_status"] != 0]
    try:
        problems += judge_merged(options, outcome, document)
    except (RuntimeError, subprocess.TimeoutExpired, KeyError, ValueError) as error:
        problems.append(f"{error!r}")
    print(f"booted in {outcome.result('boot_seconds')} s, {outcome.seconds:.1f} s in all")
    return problems


def main():
    options = run_matrix.arguments(__doc__)
    options.modes = options.modes if len(options.modes) == 1 else ["full"]
    options.column += ".merge"
    run_matrix.run(options, prepare, boot_pair, judge)


if __name__ == "__main__":
    main()
