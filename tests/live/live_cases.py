"""All cases on the running kernel in one mode: run_cases.py, then check_incidents.py.

Usage: live_cases.py MODE
"""
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from live import PIPETRACE, PROVOKERS, ROOT, needs

RUN_SECONDS = 100
CASES = ROOT / "tests" / "cases"
NEEDS = {"tracepoint": (), "full": ("trampolines",), "kprobe": ("kprobes",)}


def main():
    mode = sys.argv[1]
    needs("root", "btf", *NEEDS[mode])
    with tempfile.TemporaryDirectory(prefix="pipetrace-cases-") as directory:
        out = str(Path(directory) / "cases.json")
        ran = subprocess.run([sys.executable, str(CASES / "run_cases.py"), "--pipetrace", PIPETRACE,
                              "--provokers", str(PROVOKERS), "--mode", mode, "--out", out],
                             stdin=subprocess.DEVNULL, timeout=RUN_SECONDS, check=False)
        if ran.returncode != 0:
            return ran.returncode
        return subprocess.run([sys.executable, str(CASES / "check_incidents.py"), "--mode", mode,
                               "--kernel", platform.release(), "--require-schema", out],
                              timeout=60, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
