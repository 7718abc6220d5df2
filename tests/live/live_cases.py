"""All cases on the running kernel in one mode: run_cases.py, then check_incidents.py.

Usage: live_cases.py MODE
"""
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from live import PIPETRACE, PROVOKERS, ROOT, needs

from check_incidents import write_verdicts
from judge_skips import PRESENT

RUN_SECONDS = 100
CASES = ROOT / "tests" / "cases"
NEEDS = {"tracepoint": (), "full": ("trampolines",), "kprobe": ("kprobes",)}


def main():
    mode = sys.argv[1]
    verdicts = Path(PIPETRACE).parent / "cause_verdicts" / f"running.{mode}.json"
    wants = ("root", "btf", *NEEDS[mode])
    lacking = ", ".join(name for name in wants if not PRESENT[name]())
    verdicts.unlink(missing_ok=True)
    if lacking:
        write_verdicts(verdicts, {"not_run": f"the running kernel or user has no {lacking}"})
    needs(*wants)
    with tempfile.TemporaryDirectory(prefix="pipetrace-cases-") as directory:
        out = str(Path(directory) / "cases.json")
        ran = subprocess.run([sys.executable, str(CASES / "run_cases.py"), "--pipetrace", PIPETRACE,
                              "--provokers", str(PROVOKERS), "--mode", mode, "--out", out],
                             stdin=subprocess.DEVNULL, timeout=RUN_SECONDS, check=False)
        if ran.returncode != 0:
            return ran.returncode
        return subprocess.run([sys.executable, str(CASES / "check_incidents.py"), "--mode", mode,
                               "--kernel", platform.release(), "--require-schema",
                               "--verdicts", str(verdicts), out],
                              timeout=60, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
