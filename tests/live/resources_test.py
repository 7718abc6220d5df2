"""What pipetrace takes: time to readiness, memory and processor time while nothing happens."""
import os
import statistics
import time
from pathlib import Path

import live
from live import LiveTest

READY_SECONDS_MAX = 0.5  # a minimal loader takes about 30 ms; this catches a regression in kind
IDLE_RSS_KIB_MAX = 12 * 1024
IDLE_SECONDS = 1.0
IDLE_CPU_SHARE_MAX = 0.05


def status_kib(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(f"{field} is not in the status of {pid}")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Resources(LiveTest):
    def test_ready_soon(self):
        taken = []
        for _ in range(5):
            tracer = self.trace("--json")
            taken.append(tracer.seconds_to_ready)
            self.stop(tracer)
        print(f"\nstart to ready: median {statistics.median(taken) * 1000:.0f} ms, "
              f"least {min(taken) * 1000:.0f} ms")
        self.assertLess(statistics.median(taken), READY_SECONDS_MAX)

    def test_idle(self):
        tracer = self.trace("--json")
        pid = tracer.process.pid
        begin, before = time.monotonic(), cpu_seconds(pid)
        self.assertIsNone(tracer.wait_end(IDLE_SECONDS))  # the pause is the measurement
        share = (cpu_seconds(pid) - before) / (time.monotonic() - begin)
        rss = status_kib(pid, "VmRSS")
        print(f"\nidle: {rss / 1024:.1f} MiB resident (peak {status_kib(pid, 'VmHWM') / 1024:.1f}), "
              f"{share * 100:.1f} % of a processor")
        self.assertLessEqual(rss, IDLE_RSS_KIB_MAX)
        self.assertLessEqual(share, IDLE_CPU_SHARE_MAX)
        self.stop(tracer)


if __name__ == "__main__":
    live.main()
