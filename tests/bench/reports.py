"""Reports of a large recording, against plain sqlite3 scanning the same rows."""
import os
import subprocess
import time
from pathlib import Path

REPORTS = "reports"
SCAN = ("SELECT cause, severity, comm, remote, count(*), max(time_us) FROM incidents "
        "GROUP BY cause, severity, comm, remote ORDER BY 5 DESC LIMIT 10")


def high_water_kib(pid):
    """Of its program so far; 0 once it has ended. (wait4's figure has this program's own in it, from before exec.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1])


def run_measured(command, seconds_max):
    """Seconds by the clock, of processor time, and the greatest resident KiB of one command that must succeed."""
    begin, greatest = time.monotonic(), 0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        while True:
            pid, status, used = os.wait4(running.pid, os.WNOHANG)
            if pid:
                break
            greatest = max(greatest, high_water_kib(running.pid))
            if time.monotonic() > begin + seconds_max:
                running.kill()
                raise RuntimeError(f"{command[0]} took longer than {seconds_max} s")
            time.sleep(0.005)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode != 0:
        raise RuntimeError(f"{command} ended with {running.returncode}")
    return {"seconds": time.monotonic() - begin, "cpu_seconds": used.ru_utime + used.ru_stime,
            "greatest_kib": greatest}


def measure(samples, bench):
    recording = bench.scratch / "storm.db"
    bench.say(f"reports: recording {bench.report_count:,} incidents")
    subprocess.run([bench.programs / "record_storm", recording, str(bench.report_count)],
                   stdin=subprocess.DEVNULL, timeout=bench.seconds_max.reports, check=True)
    page = bench.scratch / "page.html"
    commands = {
        "sqlite3": ["sqlite3", "-readonly", recording, SCAN],
        "summary": [bench.pipetrace, "report", "-q", recording],
        "json": [bench.pipetrace, "report", "-q", "--json", recording],
        "html": [bench.pipetrace, "report", "-q", "--html", page, recording],
    }
    for number in range(1, bench.rounds.reports + 1):
        bench.say(f"reports: round {number}")
        for name, command in commands.items():
            samples.add(REPORTS, name, number, incidents=bench.report_count,
                        bytes_per_incident=recording.stat().st_size / bench.report_count,
                        **run_measured(command, bench.seconds_max.reports))
    bench.clear_scratch()
