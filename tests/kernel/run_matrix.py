#!/usr/bin/env python3
"""Boot one kernel, run every case in every mode there, and judge the results."""
import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fetch_kernel
import fetch_sysroot
import make_initramfs
import qemu

HERE = Path(__file__).resolve().parent
MODES = ["full", "kprobe", "tracepoint"]
JOB_SECONDS = 380
MODE_SECONDS = 120
# A second boot after a crashed one gets what is left of this, if that is enough.
TOTAL_SECONDS = 450
RETRY_SECONDS_MIN = 60
KPROBE_MISSES_COUNTED_SINCE = (6, 7)
JUDGE_SECONDS = 60
VERDICT = re.compile(r"^(ok|FAIL)\s+(\S+)", re.M)


def arguments(description=__doc__):
    root = HERE.parents[1]
    parser = argparse.ArgumentParser(description=description.split("\n", 1)[0])
    parser.add_argument("--kernel", required=True, choices=fetch_kernel.SUITES)
    parser.add_argument("--build", type=Path, default=root / "build/release",
                        help="what is run there: of arm64, its cross-build")
    parser.add_argument("--cache", type=Path, default=root / "build/kernels")
    parser.add_argument("--cases", type=Path, default=HERE.parent / "cases",
                        help="directory of run_cases.py and check_incidents.py")
    parser.add_argument("--mode", dest="modes", action="append", choices=MODES,
                        help="only this mode; may be repeated")
    parser.add_argument("--verdicts", type=Path, metavar="DIR",
                        help="where the judge's verdicts are left; in the build directory, if not said")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave console and results here")
    options = parser.parse_args()
    options.modes = options.modes or MODES
    options.column = options.kernel
    return options


def job_text(options, *parts, case_arguments=""):
    """The shell text that the VM runs."""
    values = (f"modes='{' '.join(options.modes)}'\nmode_seconds={MODE_SECONDS}\n"
              f"case_arguments='{case_arguments}'\n")
    return "#!/bin/sh\n" + values + "\n".join(parts)


def prepare(options, work):
    """Fetch the kernel and pack the VM's file system; return the kernel's directory."""
    kernel = fetch_kernel.fetch(options.kernel, options.cache)
    job = job_text(options, *((HERE / part).read_text() for part in ("matrix_job.sh", "no_btf_job.sh")))
    make_initramfs.build(work / "initramfs", pipetrace=options.build / "pipetrace",
                         provokers=options.build / "tests/provokers/bin", cases=options.cases,
                         modules=kernel / "modules", job=job, root=foreign_root(options))
    return kernel


def foreign_root(options):
    """Where the packages of the kernel's architecture are, if it is another than this machine's."""
    return fetch_sysroot.fetch(options.cache) if options.kernel in fetch_kernel.ARCHITECTURES else None


def boot_once(options, kernel, work, boot_work, job_seconds):
    return qemu.boot(options.kernel, kernel, work / "initramfs", boot_work, job_seconds=job_seconds)


def boot(options, kernel, work, once=boot_once):
    """Boot the VM; once more if the VM itself, not the job in it, failed."""
    begin = time.monotonic()
    job_seconds = JOB_SECONDS
    for attempt in (1, 2):
        outcome = once(options, kernel, work, work / f"boot{attempt}", job_seconds)
        left = TOTAL_SECONDS - (time.monotonic() - begin) - qemu.BOOT_SECONDS
        job_seconds = min(JOB_SECONDS, int(left))
        if not outcome.failure or attempt == 2 or job_seconds < RETRY_SECONDS_MIN:
            return outcome
        print(f"boot {attempt} failed, trying once more: {outcome.describe()}", flush=True)
    raise AssertionError("unreachable")


def verdict_file(options, mode):
    """Where cause_table.py looks for what was judged."""
    directory = options.verdicts or options.build / "cause_verdicts"
    return directory / f"{options.column}.{mode}.json"


def judge_mode(options, outcome, mode):
    """Return ({case: verdict}, [problems]) of one mode."""
    problems = []
    file = outcome.results / f"{mode}.json"
    status = outcome.result(f"{mode}.status", "never started")
    if status != "0":
        problems.append(f"run_cases ended with status {status}"
                        + (f" (limit {MODE_SECONDS} s)" if status == "137" else "")
                        + ":\n" + "\n".join(outcome.result(f"{mode}.output").splitlines()[-20:]))
    if outcome.result(f"{mode}.attached") != outcome.result("attached.before"):
        problems.append("hooks or pins were left attached:\n" + outcome.result(f"{mode}.attached"))
    if not file.exists():
        return {}, problems + ["no results were written"]
    release = ".".join(outcome.result("release").split(".")[:2])
    # Debian's interpreter: the one that has Debian's jsonschema.
    judged = subprocess.run([make_initramfs.PYTHON, str(options.cases / "check_incidents.py"),
                             "--mode", mode, "--kernel", release, "--closed-world",
                             "--require-schema", "--verdicts", str(verdict_file(options, mode)),
                             str(file)], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=JUDGE_SECONDS, check=False)
    print(f"--- {mode}, {' to '.join(outcome.result(f'{mode}.seconds').split())} s\n"
          f"{judged.stdout}{judged.stderr}", flush=True)
    verdicts = {name: verdict for verdict, name in VERDICT.findall(judged.stdout)}
    if judged.returncode != 0:
        problems.append(f"check_incidents ended with status {judged.returncode}")
    if not verdicts:
        problems.append("check_incidents judged no case")
    return verdicts, problems


def judge_no_btf(outcome):
    """Without BTF pipetrace must say so and end with status 1."""
    status, stderr = outcome.result("no_btf.status"), outcome.result("no_btf.stderr")
    print(f"--- without BTF: status {status}\n{stderr}")
    problems = []
    if status != "1":
        problems.append(f"without BTF: status {status or 'missing'}, expected 1")
    if "BTF" not in stderr:
        problems.append("without BTF: the message does not name BTF")
    if outcome.result("no_btf.stdout"):
        problems.append("without BTF: something was written to stdout")
    return problems


def print_table(release, verdicts):
    names = list(dict.fromkeys(name for mode in verdicts.values() for name in mode))
    width = max([len(release), *map(len, names)])
    print(f"{release:{width}}  " + "  ".join(verdicts))
    for name in names:
        cells = (f"{cases.get(name, '-'):{len(mode)}}" for mode, cases in verdicts.items())
        print(f"{name:{width}}  " + "  ".join(cells).rstrip())


def judge(options, outcome):
    verdicts, problems = {}, []
    for mode in options.modes:
        verdicts[mode], found = judge_mode(options, outcome, mode)
        problems += [f"{mode}: {problem}" for problem in found]
    if outcome.result("left_behind"):
        problems.append("processes left behind: " + outcome.result("left_behind"))
    print_table(outcome.result("release"), verdicts)
    print(f"booted in {outcome.result('boot_seconds')} s, {outcome.seconds:.1f} s in all")
    return problems


def judge_all(options, outcome):
    return judge(options, outcome) + judge_no_btf(outcome)


def was_skipped(options, outcome):
    """Whether the kernel left out runs of hooks: one may not interrupt itself, which on a slow machine one does.

    The tracer counts them as lost, and is less sure of what it tells; what is tested here is what it tells
    where nothing is lost.
    """
    for mode in options.modes:
        file = outcome.results / f"{mode}.json"
        if file.exists() and "missed " in json.loads(file.read_text(encoding="utf-8")).get("stderr", ""):
            return True
    return False


def may_have_been_skipped(outcome, problems):
    """Before 6.7 nobody counts the runs of kprobes that are left out, which they are also while their processor is
    in a bpf() call (trace_call_bpf()): where only cases of that mode fail, one of them may be to blame."""
    release = tuple(int(number) for number in outcome.result("release").split(".")[:2])
    return release < KPROBE_MISSES_COUNTED_SINCE and all(
        problem.startswith("kprobe: check_incidents ended") for problem in problems)


def run(options, prepare_one, once, judge_one):
    """Prepare, boot and judge; never returns."""
    for mode in options.modes:
        verdict_file(options, mode).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="pipetrace-matrix-") as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        try:
            kernel = prepare_one(options, work)
        except (fetch_kernel.FetchError, RuntimeError, OSError,
                subprocess.TimeoutExpired) as error:
            sys.exit(f"kernel {options.kernel}: FAIL: {error}")
        print("kernel", json.loads((kernel / "stamp.json").read_text()), flush=True)
        outcome = boot(options, kernel, work, once)
        problems = [outcome.describe()] if outcome.failure else judge_one(options, outcome)
        for again in ("again", "once_more"):
            if not problems or outcome.failure:
                break
            if not was_skipped(options, outcome) and (again != "again" or not may_have_been_skipped(outcome, problems)):
                break
            print("".join(f"FAIL: {problem}\n" for problem in problems)
                  + "the kernel had skipped hooks, or may have: the whole once more", flush=True)
            outcome = once(options, kernel, work, work / again, JOB_SECONDS)
            problems = [outcome.describe()] if outcome.failure else judge_one(options, outcome)
            print(f"judged {again}", flush=True)
    for problem in problems:
        print(f"FAIL: {problem}")
    print(f"kernel {options.kernel}: {'FAIL' if problems else 'ok'}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    run(arguments(), prepare, boot_once, judge_all)
