"""Judges the tests that ctest did not run: only what this machine truly lacks excuses one.

Usage: judge_skips.py RESULTS.xml (ctest --output-junit). A test that cannot run prints a line
`skipped: needs NAME: reason`; NAME is looked up below and checked on this machine. Exit status 1 if a
test was not run without such a line, or for want of something that is here, or if no test ran at all.
"""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

SKIP_LINE = re.compile(r"skipped: needs ([a-z_]+)\b")


def file_contains(path, text):
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return any(text in line for line in lines)
    except OSError:
        return False


def locked_down():
    """Whether kernel lockdown is on; securityfs is looked at in a mount namespace of its own."""
    look = """cd /sys/kernel/security
        [ -e lockdown ] || { mount --make-rprivate /sys && mount -t securityfs none "$PWD" && cd "$PWD"; }
        cat lockdown"""
    # Propagation is changed for /sys alone: in a chroot, / is no mount point and cannot be made private.
    command = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", look]
    try:
        shown = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, capture_output=True,
                               timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "[integrity]" in shown or "[confidentiality]" in shown


# What a test may lack, and how to tell that this machine has it.
PRESENT = {
    "root": lambda: os.geteuid() == 0,
    "btf": lambda: os.path.exists("/sys/kernel/btf/vmlinux"),
    "kprobes": lambda: file_contains("/proc/kallsyms", " register_kprobe\n"),
    "trampolines": lambda: not locked_down(),
    "journald": lambda: os.path.exists("/lib/systemd/systemd-journald") and os.path.exists("/etc/machine-id"),
}


def judge(cases):
    """Returns (complaints, excused, ran) for (name, status, output) triples."""
    complaints, excused, ran = [], [], 0
    for name, status, output in cases:
        if status in ("run", "fail"):
            ran += 1
            continue
        wants = SKIP_LINE.findall(output)
        if status == "disabled" or not wants:
            complaints.append(f"{name}: {status}, and says no reason that can be checked")
        elif unknown := [want for want in wants if want not in PRESENT]:
            complaints.append(f"{name}: not run for want of {unknown[0]}, which nobody knows how to check")
        elif all(PRESENT[want]() for want in wants):
            complaints.append(f"{name}: not run for want of {', '.join(wants)}, which this machine has")
        else:
            excused.append(f"{name}: needs {', '.join(wants)}, which this machine has not")
    if ran == 0:
        complaints.append("no test ran")
    return complaints, excused, ran


def read_cases(path):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        yield case.get("name"), case.get("status"), case.findtext("system-out") or ""


def main():
    complaints, excused, ran = judge(read_cases(sys.argv[1]))
    for line in excused:
        print(f"ci: excused: {line}")
    for line in complaints:
        print(f"ci: FAILED: {line}")
    print(f"ci: {ran} tests ran, {len(excused)} excused, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
