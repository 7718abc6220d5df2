"""The machine that is measured: what it is, what it lacks, and mounts that only this run sees."""
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

OWN_MOUNTS = "PIPETRACE_BENCH_OWN_MOUNTS"
TRACING = {"/sys/kernel/tracing": "tracefs", "/sys/kernel/debug": "debugfs"}


def require(programs):
    """End with a message where the run could not be one."""
    if os.geteuid() != 0:
        sys.exit("bench: kernel programs are loaded here, which only root may do: run it as root")
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        sys.exit(f"bench: not installed: {', '.join(missing)}\n       ./bootstrap bench installs them")


def enter_own_mounts():
    """Begin again in a mount namespace of its own, with the file systems that bpftrace looks for."""
    if os.environ.get(OWN_MOUNTS) is None:
        os.environ[OWN_MOUNTS] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])
    for place, kind in TRACING.items():
        if not any(Path(place).iterdir()):
            subprocess.run(["mount", "-t", kind, "none", place], check=True)


class Watch:
    """How much of the processors programs took that are no part of the measurement."""

    def __init__(self, tool):
        self._tool = tool
        self._begin = time.monotonic(), self._busy(), self._own()

    @staticmethod
    def _busy():
        """Seconds of processor time that the whole machine has spent on anything."""
        user, nice, system, _, _, interrupts, softirqs, *_ = map(
            int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
        return (user + nice + system + interrupts + softirqs) / os.sysconf("SC_CLK_TCK")

    def _own(self):
        """This program, its children that have ended, and the tool that runs beside them."""
        times = os.times()
        children = times.children_user + times.children_system
        return times.user + times.system + children + (self._tool.cpu_ns() / 1e9 if self._tool else 0)

    def foreign_share(self):
        at, busy, own = self._begin
        seconds = (time.monotonic() - at) * len(os.sched_getaffinity(0))
        return max(0.0, (self._busy() - busy - (self._own() - own)) / seconds)


def version_of(command):
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return (told.stdout or told.stderr).splitlines()[0].strip()


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def facts(pipetrace, options, seconds):
    hooks = subprocess.run([pipetrace, "doctor"], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, check=False).stdout.splitlines()[0]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "hooks": hooks,
        "versions": [version_of(command) for command in (
            [pipetrace, "--version"], ["bpftrace", "--version"], ["tcpdump", "--version"],
            ["strace", "--version"], ["redis-server", "--version"])],
        "seed": options.seed,
        "quick": options.quick,
        "seconds": round(seconds),
        "load_average": os.getloadavg()[0],
    }
