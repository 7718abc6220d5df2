"""The container's recipe: its steps in a bare chroot, and the result in a real container (runc) that is given no
more than the Kubernetes manifest asks for, while the processes that fail run on the host."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "monitor")]

from serving import PYTHON, ROOT, ServeTest, live  # noqa: E402
from app_case import TREE  # noqa: E402
from debian_tree import make as make_tree  # noqa: E402
from tracer import Tracer  # noqa: E402

PACKAGING = ROOT / "packaging"
STEP_SECONDS = 60
ID = f"{os.getpid():08x}" * 8


def step(*command):
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=STEP_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"status {done.returncode} from {command}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


NUMBERS = {"SYS_PTRACE": 19, "SYS_RESOURCE": 24, "PERFMON": 38, "BPF": 39}  # linux/capability.h


def has_capability(name):
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("CapPrm:") + 1], 16) >> NUMBERS[name] & 1


def daemon_set():
    """The manifest's pod, and its container."""
    documents = yaml.safe_load_all((PACKAGING / "kubernetes" / "daemonset.yaml").read_text())
    pod = next(one for one in documents if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


class Image(ServeTest):
    def setUp(self):
        super().setUp()
        tree = make_tree(TREE)
        disk = self.directory / "disk"
        disk.mkdir()
        step("mount", "-t", "tmpfs", "disk", disk)
        self.addCleanup(step, "umount", "-l", disk)
        for part in ("upper", "work", "root", "out"):
            (disk / part).mkdir()
        self.root, self.out = disk / "root", disk / "out"
        step("mount", "-t", "overlay", "-o", f"lowerdir={tree},upperdir={disk}/upper,workdir={disk}/work", "root", self.root)
        self.build_image()

    def build_image(self):
        """What the second stage of the recipe does, in a chroot."""
        step(PACKAGING / "container" / "stage.sh", Path(live.PIPETRACE).parent, self.out)
        (self.root / "out").mkdir()
        step("mount", "--bind", self.out, self.root / "out")
        step("mount", "-t", "proc", "proc", self.root / "proc")
        step("cp", PACKAGING / "container" / "install.sh", self.root / "usr/libexec/pipetrace-install")
        step("chroot", self.root, "/usr/libexec/pipetrace-install", "/out")
        step("umount", self.root / "out")

    def victim_in(self, group):
        """A process on the host, in that control group, that has met a failure and lives on."""
        return self.victim(prepare=lambda: (group / "cgroup.procs").write_text("0"))

    def group(self, path):
        """A control group of version 2 of our own; those above it too."""
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        place = next(Path(fields[1]) for fields in mounts if fields[2] == "cgroup2")
        for part in path.split("/"):
            place = place / part
            if not place.exists():
                place.mkdir()
                self.addCleanup(place.rmdir)
        return place

    def test_recipe(self):
        """One image, in the chroot that it was made in and in a container: making it takes the longest."""
        with self.subTest("chroot"):
            self.run_in_the_chroot()
        with self.subTest("container"):
            self.run_as_a_daemon_set()

    def run_in_the_chroot(self):
        self.assertEqual(step("chroot", self.root, "/usr/bin/pipetrace", "--version"),
                         step(live.PIPETRACE, "--version"))
        listed = set((self.out / "runtime-packages").read_text().split())
        self.assertLess({"libc6", "libstdc++6", "libbpf1", "libsqlite3-0"}, listed)
        missing = [line for line in step("chroot", self.root, "ldd", "/usr/bin/pipetrace").splitlines()
                   if "not found" in line]
        self.assertEqual(missing, [])
        recipe = (PACKAGING / "container" / "Containerfile").read_text()
        for script in (PACKAGING / "container").glob("*.sh"):
            self.assertTrue(os.access(script, os.X_OK), script)
        self.assertIn('ENTRYPOINT ["/usr/bin/pipetrace"]', recipe)
        # In a chroot there is no /sys; the recipe's command wants what any container has.
        step("mount", "-t", "sysfs", "-o", "ro", "sys", self.root / "sys")
        tracer = Tracer(["chroot", self.root, "/usr/bin/pipetrace", "serve", "--json"])
        self.addCleanup(tracer.__exit__)
        self.assertTrue(tracer.wait_ready(live.READY_SECONDS), tracer.stderr())
        told = self.told_of(tracer, self.victim_in(self.group(f"docker-{ID}.scope")))
        self.assertEqual(told["process"]["container"], ID)
        self.stop(tracer)

    def bundle(self):
        """For runc: its own default container, given what the manifest gives."""
        pod, wanted = daemon_set()
        bundle = self.directory / "bundle"
        bundle.mkdir()
        step("runc", "spec", "--bundle", bundle)
        spec = json.loads((bundle / "config.json").read_text())
        own = wanted["securityContext"]
        self.assertEqual(own["capabilities"]["drop"], ["ALL"])
        # No engine can give what this machine itself has not.
        added = [f"CAP_{name}" for name in own["capabilities"]["add"] if has_capability(name)]
        spec["process"] = {
            "terminal": False, "cwd": "/", "user": {"uid": own["runAsUser"], "gid": own["runAsGroup"]},
            "args": ["/usr/bin/pipetrace", *(word.replace("$(POD_IP)", "127.0.0.1") for word in wanted["args"])],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "noNewPrivileges": not own["allowPrivilegeEscalation"],
            "capabilities": {kind: added for kind in ("bounding", "effective", "permitted")},
        }
        spec["root"] = {"path": str(self.root), "readonly": own["readOnlyRootFilesystem"]}
        spec["hostname"] = "pipetrace-x7k2p"
        spec["linux"]["namespaces"] = [
            {"type": kind} for kind in ("mount", "network", "ipc", "uts", "cgroup") + (() if pod["hostPID"] else ("pid",))]
        spec["linux"]["cgroupsPath"] = f"/pipetrace-{os.getpid()}"  # runc removes it, and nothing above
        recordings = self.directory / "recordings"
        recordings.mkdir()
        for mount in wanted["volumeMounts"]:
            spec["mounts"].append({"destination": mount["mountPath"], "source": str(recordings), "type": "bind",
                                   "options": ["bind", "rw"]})
        (bundle / "config.json").write_text(json.dumps(spec))
        return bundle, recordings

    def run_as_a_daemon_set(self):
        bundle, recordings = self.bundle()
        name = f"pipetrace-{os.getpid()}"
        state = ["--root", self.directory / "runc"]
        tracer = Tracer(["runc", *state, "run", "--bundle", bundle, name])
        self.addCleanup(tracer.__exit__)
        self.addCleanup(subprocess.run, ["runc", *state, "delete", "--force", name], check=False, capture_output=True)
        self.assertTrue(tracer.wait_ready(live.READY_SECONDS), tracer.stderr())
        # On the host, in another network namespace than pipetrace's: another container's process.
        victims = self.group(f"docker-{ID[::-1]}.scope")
        told = self.told_of(tracer, self.victim_in(victims))
        # Without CAP_SYS_ADMIN the host is called as its own file says.
        self.assertIn(told["host"]["name"], {os.uname().nodename, Path("/etc/hostname").read_text().strip()})
        self.assertEqual(told["process"]["cgroup"], f"/{victims.name}")
        self.assertEqual((told["process"]["container"], told["process"]["runtime"]), (ID[::-1], "docker"))
        self.assertEqual(Path(told["process"]["exe"]).name, Path(PYTHON).resolve().name)
        self.assertEqual(told["verdict"]["confidence"], "certain")
        own = json.loads(step("runc", *state, "state", name))["pid"]
        scrape = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9435/metrics', timeout=10).read().decode())"
        metrics = step("nsenter", "--net", "--target", own, PYTHON, "-c", scrape)
        self.assertIn(f'container="{ID[::-1][:12]}', metrics)
        step("runc", *state, "kill", name, "TERM")
        self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 0, tracer.stderr())
        self.assertEqual((recordings / "serve.db").stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    live.main()
