"""Processes in containers, and pipetrace itself in one: namespaces made here stand in for an engine."""
import os
import subprocess
from pathlib import Path

import live
from live import LiveTest, run

CONTAINER = f"{os.getpid():08x}" * 8


def unified_root():
    """Where version 2's hierarchy is mounted from its root on; nothing where it is not."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    roots = [Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"]
    return roots[0] if roots else None


class Containers(LiveTest):
    def group(self, name):
        """A control group of version 2 of our own, as an engine would call it."""
        group = unified_root() / name
        group.mkdir()
        self.addCleanup(group.rmdir)
        return group

    def fail_in(self, group):
        """A writer there that SIGPIPE kills before anybody can read its /proc entry."""
        script = f"echo $$ > {group}/cgroup.procs; yes | head -1"
        subprocess.run(["sh", "-c", script], check=True, stdout=subprocess.DEVNULL)

    def test_filter_by_id(self):
        group = self.group(f"docker-{CONTAINER}.scope")
        other = self.group(f"docker-{CONTAINER[::-1]}.scope")
        for wanted in (CONTAINER, CONTAINER[:12]):
            tracer = self.trace("--json", "--container", wanted)
            self.fail_in(other)
            self.fail_in(group)
            self.stop(tracer)
            told = [incident["process"] for incident in tracer.incidents()]
            self.assertEqual([process["container"] for process in told], [CONTAINER])
            self.assertEqual(told[0]["runtime"], "docker")

    def test_filter_by_name(self):
        name = f"web-{os.getpid()}"
        group = self.group(f"lxc.payload.{name}")
        tracer = self.trace("--json", "--container", name)
        self.fail_in(group)
        self.stop(tracer)
        told = [(incident["process"]["container"], incident["process"]["runtime"]) for incident in tracer.incidents()]
        self.assertEqual(told, [(name, "lxc")])

    def test_pid_inside(self):
        """The innermost of nested pid namespaces."""
        tracer = self.trace("--json", "--comm", "yes")
        group = self.group(f"docker-{CONTAINER}.scope")
        script = f"echo $$ > {group}/cgroup.procs; exec unshare --pid --fork unshare --pid --fork sh -c 'yes | head -1; true'"
        subprocess.run(["sh", "-c", script], check=True, stdout=subprocess.DEVNULL)
        self.stop(tracer)
        process = [incident["process"] for incident in tracer.incidents()
                   if incident["process"]["container"] == CONTAINER][0]
        self.assertLess(process["ns_pid"], 5, "sh is 1 there")
        self.assertGreater(process["pid"], 5)


class InsideOfOne(LiveTest):
    def test_without_the_hosts_pids_it_says_what_to_do(self):
        done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", live.PIPETRACE, "-d", "1"], check=False,
                              capture_output=True, text=True, timeout=live.COMMAND_SECONDS)
        self.assert_status(1, done)
        for words in ("pid namespace", "--pid=host", "hostPID: true"):
            self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_with_all_other_namespaces_of_its_own(self):
        """The host's name, and the paths of control groups from the root on: of a process that lives, and of one
        that is gone; its own network namespace hides no connection."""
        groups = Containers(methodName="test_filter_by_id")
        self.addCleanup(groups.doCleanups)
        own, victims = groups.group(f"docker-{CONTAINER}.scope"), groups.group(f"docker-{CONTAINER[::-1]}.scope")
        inside = self.directory / "inside"
        inside.write_text(f"""#!/bin/sh
            echo $$ > {own}/cgroup.procs
            exec unshare --mount --cgroup --net --uts --ipc sh -c '
                hostname pod-1
                umount -l {unified_root()} && mount -t cgroup2 none {unified_root()}
                exec "$@"' sh "$@"
            """)
        inside.chmod(0o755)
        tracer = self.trace("--json", "--container", CONTAINER[::-1], prefix=[inside])
        groups.fail_in(victims)
        script = f"echo $$ > {victims}/cgroup.procs; exec {live.PROVOKERS}/classic --sigpipe ignore"
        subprocess.run(["sh", "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=live.COMMAND_SECONDS)
        self.stop(tracer)
        incidents = tracer.last_revisions()
        self.assertEqual({incident["endpoint"]["kind"] for incident in incidents}, {"pipe", "tcp"})
        for incident in incidents:
            self.assertEqual(incident["host"]["name"], os.uname().nodename)
            self.assertEqual(incident["process"]["cgroup"], f"/{victims.name}")
            self.assertEqual(incident["process"]["runtime"], "docker")


if __name__ == "__main__":
    live.main()
