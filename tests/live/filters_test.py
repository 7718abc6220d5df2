"""Filters select victims: for each, one failure that it takes and one that it leaves out."""
import os
import subprocess
from pathlib import Path

import live
from live import NOBODY, PROVOKERS, Held, LiveTest, provoke

UNREAD = ("unread_close",)
CLASSIC = ("classic", "--sigpipe", "ignore")
PIPE = ("pipe_closed", "--variant", "exit")


class Filters(LiveTest):
    def judge(self, arguments, taken, left):
        """Provoke what is to be left out first: when the taken one is told, the other was not."""
        tracer = self.trace("--json", *arguments)
        unwanted = [provoke(*program)["victim"]["pid"] for program in left]
        for program in taken:
            self.incident_of(tracer, provoke(*program))
        self.stop(tracer)
        told = {incident["process"]["pid"] for incident in tracer.incidents()}
        self.assertFalse(told & set(unwanted), f"{arguments} let others through")

    def test_comm(self):
        self.judge(["--comm", "victim"], taken=[CLASSIC], left=[("fork_shared",)])

    def test_comm_of_a_thread(self):
        self.judge(["--comm", "writer"], taken=[("threads", "--sigpipe", "ignore")], left=[CLASSIC])

    def test_comm_is_exact(self):
        tracer = self.trace("--json", "--comm", "vict")
        provoke(*CLASSIC)
        self.stop(tracer)
        self.assertEqual(tracer.lines, [])

    def test_errno(self):
        self.judge(["--errno", "ECONNRESET"], taken=[UNREAD], left=[CLASSIC])
        self.judge(["--errno", "32"], taken=[CLASSIC], left=[UNREAD])

    def test_cause(self):
        self.judge(["--cause", "peer_closed_unread_data"], taken=[UNREAD], left=[CLASSIC])

    def test_kind(self):
        self.judge(["--kind", "pipe"], taken=[PIPE], left=[CLASSIC])
        self.judge(["--kind", "tcp"], taken=[CLASSIC], left=[PIPE])

    def test_severity(self):
        self.judge(["--severity", "benign"], taken=[PIPE], left=[CLASSIC])

    def test_the_same_twice_is_either(self):
        self.judge(["--errno", "EPIPE", "--errno", "ECONNRESET"], taken=[CLASSIC, UNREAD],
                   left=[("refused",)])

    def test_different_ones_are_both(self):
        self.judge(["--kind", "tcp", "--errno", "EPIPE"], taken=[CLASSIC], left=[PIPE, UNREAD])

    def test_user(self):
        tracer = self.trace("--json", "-u", str(NOBODY))
        left = provoke(*CLASSIC)["victim"]["pid"]
        copy = self.program_for_all(PROVOKERS / "classic")
        self.incident_of(tracer, provoke(copy, *CLASSIC[1:], prefix=live.as_nobody()))
        self.stop(tracer)
        self.assertNotIn(left, {incident["process"]["pid"] for incident in tracer.incidents()})

    def test_evidence_is_not_filtered(self):
        tracer = self.trace("--json", "--comm", "victim")
        truth = provoke(*CLASSIC)
        incident = self.incident_of(tracer, truth)
        self.assertEqual(incident["peer"]["pid"], truth["peer"]["pid"])
        self.stop(tracer)


class Ports(LiveTest):
    def judge(self, option, end, is_taken):
        with Held("--sigpipe", "ignore") as held:
            tracer = self.trace("--json", option, str(held.port(end)))
            other = provoke(*CLASSIC)
            truth = held.release()
            if is_taken:
                self.incident_of(tracer, truth)
            self.stop(tracer)
            told = {incident["process"]["pid"] for incident in tracer.incidents()}
            self.assertNotIn(other["victim"]["pid"], told)
            self.assertEqual(truth["victim"]["pid"] in told, is_taken)

    def test_port_is_either_end(self):
        self.judge("--port", "local", True)
        self.judge("--port", "remote", True)

    def test_local_port(self):
        self.judge("--local-port", "local", True)
        self.judge("--local-port", "remote", False)

    def test_remote_port(self):
        self.judge("--remote-port", "remote", True)
        self.judge("--remote-port", "local", False)


class Pids(LiveTest):
    def shell(self):
        """A shell that waits for a line and then lets a child of its own fail."""
        command = f"read line; {PROVOKERS}/classic --sigpipe ignore; read line"
        process = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def test_children_are_followed(self):
        shell = self.shell()
        tracer = self.trace("--json", "-p", shell.pid)
        other = provoke(*CLASSIC)
        shell.stdin.write("go\n")
        shell.stdin.flush()
        own = live.json.loads(shell.stdout.readline())
        self.incident_of(tracer, own)
        shell.communicate("end\n", live.COMMAND_SECONDS)
        self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 0, "it did not end with its process")
        told = {incident["process"]["pid"] for incident in tracer.incidents()}
        self.assertEqual(told, {own["victim"]["pid"]})
        self.assertNotIn(other["victim"]["pid"], told)

    def test_no_follow(self):
        shell = self.shell()
        tracer = self.trace("--json", "--no-follow", "-p", shell.pid)
        shell.communicate("go\nend\n", live.COMMAND_SECONDS)
        self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 0, "it did not end with its process")
        self.assertEqual(tracer.lines, [])

    def test_several(self):
        with Held("--sigpipe", "ignore") as one, Held("--sigpipe", "ignore") as two:
            tracer = self.trace("--json", "-p", one.ready["victim"]["pid"],
                                "-p", two.ready["victim"]["pid"])
            self.incident_of(tracer, one.release())
            self.assertIsNone(tracer.wait_end(0.2), "it ended although one process lives")
            self.incident_of(tracer, two.release())
            self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 0)


class Cgroups(LiveTest):
    def group(self):
        """A control group of version 2 of our own, and its path below the mount point."""
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        roots = [Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"]
        if not roots:
            self.skipTest("no cgroup2 mount")
        group = roots[0] / f"pipetrace-filters-{os.getpid()}"
        group.mkdir()
        self.addCleanup(group.rmdir)
        return group, f"/{group.name}"

    def test_of_a_process_that_is_gone(self):
        """SIGPIPE kills the writer before anybody can read its /proc entry."""
        pipelines = 5
        group, path = self.group()
        tracer = self.trace("--json", "--cgroup", path)
        subprocess.run(["sh", "-c", "yes | head -1"], check=True, stdout=subprocess.DEVNULL)
        script = f"echo $$ > {group}/cgroup.procs; for i in 1 2 3 4 5; do yes | head -1; done"
        subprocess.run(["sh", "-c", script], check=True, stdout=subprocess.DEVNULL)
        self.stop(tracer)
        told = [incident["process"]["cgroup"] for incident in tracer.incidents()]
        self.assertEqual(told, [path] * pipelines)


if __name__ == "__main__":
    live.main()
