"""Run by systemd_vm.py in its machine, as root: is pipetrace.service all that its unit says?"""
import contextlib
import json
import os
import platform
import re
import signal
import stat
import subprocess
import time
import unittest
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = Path("/etc/pipetrace/pipetrace.conf")
LINES = Path("/var/log/pipetrace/incidents.json")
RECORDING = Path("/var/lib/pipetrace/serve.db")
DROP_IN = Path("/run/systemd/system/pipetrace.service.d/checks.conf")
METRICS = "http://127.0.0.1:9435/metrics"
SOMEBODY = 12345
CAP_SYS_PTRACE, CAP_BPF = 1 << 19, 1 << 39
SLOWLY = 60  # seconds, in software emulation


def wait_for(condition, what, seconds=SLOWLY):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)
    return value


def systemctl(*arguments, unit=("pipetrace",), status=0):
    done = subprocess.run(["systemctl", *arguments, *unit], capture_output=True, text=True, check=False,
                          timeout=2 * SLOWLY)
    assert status in (done.returncode, None), done
    return done.stdout


def shown(name):
    return systemctl("show", "--value", f"--property={name}").strip()


def main_pid():
    return int(shown("MainPID"))


def is_active():
    return shown("ActiveState") == "active"


def fields_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def journal(*matches):
    out = subprocess.run(["journalctl", "--output=json", "--identifier=pipetrace", *matches], check=True,
                         capture_output=True, text=True, timeout=SLOWLY).stdout
    return [json.loads(line) for line in out.splitlines()]


def metric(name):
    """The sum of all its series."""
    with urllib.request.urlopen(METRICS, timeout=SLOWLY) as answer:
        return sum(float(value) for value in re.findall(rf"^{name}{{.*}} (.*)$", answer.read().decode(), re.M))


def programs():
    listed = subprocess.run(["bpftool", "-j", "prog", "show"], check=True, capture_output=True, timeout=SLOWLY)
    return [program["name"] for program in json.loads(listed.stdout) if program.get("name", "").startswith("pt_")]


@contextlib.contextmanager
def victim():
    """The pid of somebody's process that has met EPIPE, and lives on."""
    with subprocess.Popen(["/usr/bin/python3", "-I", "-S", HERE / "victim.py"], user=SOMEBODY, group=SOMEBODY,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield int(process.stdout.readline())


def is_told():
    """Whether what fails now comes to the journal soon."""
    with victim() as pid, contextlib.suppress(AssertionError):
        return wait_for(lambda: journal(f"PIPETRACE_PID={pid}"), "its entry", 5)


class Service(unittest.TestCase):
    def setUp(self):
        self.before = CONFIG.read_text()
        systemctl("start")
        self.assertEqual((shown("ActiveState"), shown("SubState")), ("active", "running"))

    def tearDown(self):
        CONFIG.write_text(self.before)
        if DROP_IN.exists():
            DROP_IN.unlink()
            systemctl("daemon-reload", unit=())
        systemctl("reset-failed", status=None)

    def test_what_it_may_do_and_what_it_leaves(self):
        self.assertTrue(shown("StatusText").startswith("tracing"))
        fields = fields_of(main_pid())
        user = int(fields["Uid"].split()[0])
        self.assertGreater(user, 0)
        major, minor = map(int, platform.release().split(".")[:2])
        kept = CAP_SYS_PTRACE | (CAP_BPF if (major, minor) < (5, 19) else 0)
        for name in ("CapPrm", "CapEff"):
            self.assertEqual(int(fields[name], 16), kept, name)
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))
        for path, mode in ((RECORDING, 0o600), (RECORDING.parent, 0o700), (LINES, 0o600), (LINES.parent, 0o700)):
            found = path.stat()
            self.assertEqual((stat.S_IMODE(found.st_mode), found.st_uid), (mode, user), path)
        for path in (RECORDING, LINES, f"/proc/{main_pid()}/fd"):
            asked = subprocess.run(["ls", path], user=SOMEBODY, group=SOMEBODY, capture_output=True, check=False)
            self.assertIn(b"Permission denied", asked.stderr, path)

    def test_an_incident_reaches_all_places(self):
        before = metric("pipetrace_process_incidents_total")
        with victim() as pid:
            entry = wait_for(lambda: journal(f"PIPETRACE_PID={pid}"), "its entry in the journal")[0]
        self.assertEqual({name: entry[name] for name in ("PIPETRACE_CAUSE", "PIPETRACE_ERRNO", "PIPETRACE_UNIT",
                                                         "OBJECT_SYSTEMD_UNIT", "PRIORITY", "_SYSTEMD_UNIT")},
                         {"PIPETRACE_CAUSE": "write_after_peer_close", "PIPETRACE_ERRNO": "EPIPE",
                          "PIPETRACE_UNIT": "checks.service", "OBJECT_SYSTEMD_UNIT": "checks.service",
                          "PRIORITY": "4", "_SYSTEMD_UNIT": "pipetrace.service"})
        self.assertRegex(entry["PIPETRACE_EXE"], "^/usr/bin/python3", "CAP_SYS_PTRACE names another user's program")
        self.assertIn(f'"pid":{pid},', LINES.read_text())
        self.assertGreater(metric("pipetrace_process_incidents_total"), before)
        # Another process than the writer reads the recording.
        wait_for(lambda: f"[{pid}]" in subprocess.run(["pipetrace", "report", "-v"], check=True, capture_output=True,
                                                      text=True, timeout=SLOWLY).stdout, "its incident in the recording")

    def test_reload(self):
        pid = main_pid()
        CONFIG.write_text(self.before + "comm = nobody-of-that-name\nport = 99999\n")
        systemctl("reload")
        wait_for(lambda: "not reloaded" in shown("StatusText"), "word of a bad file in its status")
        self.assertIn(f"{CONFIG}:4: --port", systemctl("status"))
        self.assertTrue(is_told(), "the old configuration is no longer in force")
        CONFIG.write_text(self.before + "comm = nobody-of-that-name\nidle-after = 7\n")
        LINES.rename(LINES.with_suffix(".moved"))
        systemctl("reload")
        wait_for(lambda: shown("StatusText") ==
                 "tracing; reloaded: applied comm; idle-after takes effect with a restart", "word of a good one")
        wait_for(LINES.exists, "a new file of lines")
        self.assertEqual((main_pid(), shown("NRestarts")), (pid, "0"))
        CONFIG.write_text(self.before)
        systemctl("reload")

    def test_a_storm(self):
        before, pid = metric("pipetrace_process_incidents_total"), main_pid()
        done = subprocess.run([HERE / "storm_load", "storm", "--threads", "2", "--seconds", "10"], check=True,
                              capture_output=True, timeout=SLOWLY)
        made = json.loads(done.stdout)["operations"]
        counted = lambda: metric("pipetrace_process_incidents_total") + metric("pipetrace_events_lost_total") - before
        wait_for(lambda: counted() >= made, "each incident told, counted or said to be lost")
        events = Path("/sys/fs/cgroup/system.slice/pipetrace.service/memory.events").read_text()
        self.assertEqual({line for line in events.splitlines() if not line.endswith(" 0")}, set())
        self.assertEqual((main_pid(), shown("NRestarts")), (pid, "0"))
        # The first ones afterwards are of those that are only counted.
        wait_for(is_told, "an incident told again")

    def test_the_watchdog(self):
        DROP_IN.parent.mkdir(parents=True, exist_ok=True)
        DROP_IN.write_text("[Service]\nWatchdogSec=8\nRestartSec=1\n")
        systemctl("daemon-reload", unit=())
        systemctl("restart")
        pid = main_pid()
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: is_active() and main_pid() not in (0, pid), "another one in the place of one that hangs")
        self.assertEqual(shown("NRestarts"), "1")
        wait_for(is_told, "an incident told by the new one")
        self.assertEqual([path.name for path in RECORDING.parent.glob("core*")], [])

    def test_a_mistake_is_told_once_and_restarts_are_not_counted(self):
        CONFIG.write_text("no-such-setting = 1\n")
        systemctl("restart", status=1)
        self.assertEqual((shown("ActiveState"), shown("ExecMainStatus"), shown("NRestarts")), ("failed", "2", "0"))
        CONFIG.write_text(self.before)
        for _ in range(6):
            systemctl("restart")
        self.assertTrue(is_active())

    def test_its_end(self):
        self.assertNotEqual(programs(), [])
        begin = time.monotonic()
        systemctl("stop")
        print(f"\nstopped after {time.monotonic() - begin:.1f} s")
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual((shown("ActiveState"), shown("Result"), shown("ExecMainStatus")), ("inactive", "success", "0"))
        wait_for(lambda: not programs(), "nothing left in the kernel", 10)

    def test_its_exposure(self):
        rated = subprocess.run(["systemd-analyze", "security", "--threshold=20", "--no-pager", "pipetrace"], check=False,
                               capture_output=True, text=True, timeout=SLOWLY)
        self.assertEqual(rated.returncode, 0, rated.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
