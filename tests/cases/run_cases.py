"""Run the cases under pipetrace and write down what it said, for check_incidents.py to judge.

One pipetrace watches the whole system while all cases but those of `-p` run, one after
another; the others get a pipetrace of their own. Needs the standard library alone, so that
it runs in a bare virtual machine. Everything it waits for is bounded.
"""
import argparse
import json
import platform
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone

import actors
from cases import BY_NAME, CASES
from judge import endpoint_name
from limits import kernel_version, limits_of
from remote_cases import REMOTE, REMOTE_BY_NAME
from tracer import Tracer

# Waiting for incidents that never come is bounded in all, so that a broken tracer is reported
# and not timed out.
WAIT_SECONDS_EACH = 5
WAIT_SECONDS_ALL = 15
PID_END_SECONDS = 10
# Less than the silence of the cases that have one, more than any other's.
IDLE_SECONDS = 1


def utc_now():
    return datetime.now(timezone.utc).isoformat()


class Run:
    def __init__(self, options, cases):
        self.options = options
        self.cases = cases
        self.wait_left = WAIT_SECONDS_ALL
        self.results = {}
        self.own_pids = []

    def command(self, *arguments):
        return [self.options.pipetrace, "--mode", self.options.mode, "--idle-after", IDLE_SECONDS, "--json",
                *arguments]

    def is_awaited(self, case):
        kernel = kernel_version(platform.release())
        unseen = any(limit.field == "incident" for limit in limits_of(case, self.options.mode, kernel))
        return bool(case.cause) and not unseen

    def wait_for_incident(self, tracer, case, truth):
        begin = time.monotonic()
        pid = truth["victim"]["pid"]
        found = tracer.wait_incident(
            lambda incident: concerns(incident, truth) if case.nobody else incident["process"]["pid"] == pid,
            min(WAIT_SECONDS_EACH, self.wait_left))
        if not found:
            self.wait_left -= time.monotonic() - begin
        return found

    def play(self, case, actor, tracer):
        """Bring a started case to its end and wait until it was reported."""
        result = self.results.setdefault(case.name, {"name": case.name, "began": utc_now()})
        try:
            result["truth"] = truth = actor.finish()
            self.own_pids += [truth[role]["pid"] for role in ("victim", "peer") if truth[role]]
            if self.is_awaited(case):
                result["reported"] = self.wait_for_incident(tracer, case, truth)
        except actors.Failed as error:
            result["failure"] = str(error)
        result["ended"] = utc_now()

    def start(self, case):
        self.results[case.name] = {"name": case.name, "began": utc_now()}
        if self.options.host:
            case = replace(case, arguments=(*case.arguments, "--host", self.options.host))
        try:
            actor = actors.start(case, self.options.provokers)
        except actors.Failed as error:
            self.results[case.name]["failure"] = str(error)
            return None
        self.own_pids += actor.pids
        return actor

    def system_wide(self):
        """Run the cases under one tracer; return what is to be said of the tracer."""
        old = [(case, self.start(case)) for case in self.cases if case.when == "old"]
        with Tracer(self.command("--origin")) as tracer:
            if not tracer.wait_ready():
                for _, actor in old:
                    actor.stop()
                return {"failure": "not ready", "stderr": tracer.stderr(), "lines": tracer.lines}
            for case, actor in old:
                if actor:
                    self.play(case, actor, tracer)
            slow = [(case, self.start(case)) for case in self.cases if case.when == "live" and case.slow]
            for case in self.cases:
                if case.when == "live" and not case.slow and (actor := self.start(case)):
                    self.play(case, actor, tracer)
            for case, actor in slow:
                if actor:
                    self.play(case, actor, tracer)
            return self.end(tracer)

    def end(self, tracer):
        try:
            status, seconds = tracer.stop()
        except TimeoutError as error:
            return {"failure": str(error), "stderr": tracer.stderr(), "lines": tracer.lines}
        return {"exit_status": status, "seconds_to_exit": seconds, "stderr": tracer.stderr(),
                "seconds_to_ready": tracer.seconds_to_ready, "lines": tracer.lines}

    def of_pid(self, case):
        """One case with a `pipetrace -p` that is started while the case holds."""
        actor = self.start(case)
        if actor is None:
            return
        result = self.results[case.name]
        with Tracer(self.command("-p", actor.victim)) as tracer:
            if not tracer.wait_ready():
                actor.stop()
                result["failure"] = "pipetrace -p not ready: " + tracer.stderr()
                return
            self.play(case, actor, tracer)
            status = tracer.wait_end(PID_END_SECONDS)
            result["ended_by_itself"] = status is not None
            result["tracer"] = self.end(tracer)

    def document(self, system):
        lines = [json.loads(line) for line in system.pop("lines", [])]
        document = {"mode": self.options.mode, "kernel": platform.release(), **system, "cases": [],
                    "own_pids": self.own_pids}
        taken = set()
        for name, result in self.results.items():
            if "tracer" in result:
                result["incidents"] = [json.loads(line) for line in result["tracer"].pop("lines")]
            else:
                result["incidents"] = [line for line in lines if concerns(line, result.get("truth"))]
                taken.update(line["id"] for line in result["incidents"])
            document["cases"].append(result)
        document["strays"] = [line for line in lines if line["id"] not in taken]
        return document


def concerns(incident, truth):
    """Whether an incident is about this case: by process, or by endpoint whoever is blamed."""
    if not truth:
        return False
    pids = {truth[role]["pid"] for role in ("victim", "peer") if truth[role]}
    ends = {endpoint_name(truth[end]) for end in ("local", "remote")} - {None}
    named = {endpoint_name(incident["endpoint"].get(end)) for end in ("local", "remote")}
    return incident["process"]["pid"] in pids or bool(truth["local"] and ends <= named)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipetrace", required=True)
    parser.add_argument("--provokers", required=True)
    parser.add_argument("--mode", choices=("full", "kprobe", "tracepoint"), required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--case", action="append", choices=sorted({**BY_NAME, **REMOTE_BY_NAME}), default=[])
    parser.add_argument("--host", help="run the remote cases, with the peer that answers there")
    return parser.parse_args()


def main():
    options = arguments()
    table = REMOTE if options.host else CASES
    kernel = kernel_version(platform.release())
    cases = [case for case in table if case.since <= kernel and (not options.case or case.name in options.case)]
    run = Run(options, cases)
    system = run.system_wide() if any(case.when != "pid" for case in cases) else {}
    for case in cases:
        if case.when == "pid":
            run.of_pid(case)
    with open(options.out, "w", encoding="utf-8") as out:
        json.dump(run.document(system), out, indent=1)
    if "failure" in system:
        print(f"run_cases: {system['failure']}\n{system['stderr']}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
