#!/usr/bin/env python3
"""Run a shell command on one of the test kernels, with this build's pipetrace.

In the VM: /bin/pipetrace, /provokers/*, /tests/cases/*.py, python3, busybox, and
files named with --extra under /extra. What the command writes to /results is
copied to the directory given with --results.
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fetch_kernel
import fetch_sysroot
import make_initramfs
import qemu

ROOT = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0],
                                     usage="%(prog)s --kernel 6.12 [options] -- COMMAND")
    parser.add_argument("--kernel", required=True, choices=fetch_kernel.SUITES)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release",
                        help="build directory with pipetrace and the provokers")
    parser.add_argument("--pipetrace", type=Path, help="another pipetrace than the build's")
    parser.add_argument("--cache", type=Path, default=ROOT / "build/kernels")
    parser.add_argument("--extra", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--results", type=Path, help="where to put the VM's /results")
    parser.add_argument("--smp", type=int, help="processors of the VM")
    parser.add_argument("--seconds", type=int, default=120, help="limit of the command")
    parser.add_argument("--console", action="store_true", help="print the kernel's console at the end")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    return parser.parse_args()


def main():
    options = arguments()
    pipetrace = options.pipetrace or options.build / "pipetrace"
    provokers = options.build / "tests/provokers/bin"
    for missing in (path for path in (pipetrace, provokers) if not path.exists()):
        print(f"vm: {missing} is not built, the VM goes without", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="pipetrace-vm-") as temporary:
        work = Path(temporary)
        try:
            kernel = fetch_kernel.fetch(options.kernel, options.cache)
            foreign = options.kernel in fetch_kernel.ARCHITECTURES
            make_initramfs.build(
                work / "initramfs", pipetrace=pipetrace if pipetrace.exists() else None,
                provokers=provokers if provokers.exists() else None,
                cases=ROOT / "tests/cases", modules=kernel / "modules",
                job="#!/bin/sh\n" + " ".join(options.command) + "\n", extra=options.extra,
                root=fetch_sysroot.fetch(options.cache) if foreign else None)
        except (fetch_kernel.FetchError, RuntimeError, subprocess.TimeoutExpired) as error:
            sys.exit(f"vm: {error}")
        outcome = qemu.boot(options.kernel, kernel, work / "initramfs", work,
                            job_seconds=options.seconds, processors=options.smp)
        if options.console:
            print(outcome.console, file=sys.stderr)
        if options.results and outcome.results.exists():
            shutil.copytree(outcome.results, options.results, dirs_exist_ok=True)
        if outcome.failure:
            sys.exit(f"vm: {outcome.describe()}")
        status = int(outcome.result("status"))
        print(f"vm: {outcome.result('release')}, booted in {outcome.result('boot_seconds')} s, "
              f"{outcome.seconds:.1f} s in all, status {status}"
              + (" (time limit)" if status == 137 else ""), file=sys.stderr)
        if outcome.result("left_behind"):
            print(f"vm: left behind: {outcome.result('left_behind')}", file=sys.stderr)
        sys.exit(status)


if __name__ == "__main__":
    main()
