#!/usr/bin/env python3
"""The service under a real systemd: Debian with pipetrace installed boots in QEMU, and systemd_checks.py looks at it
from within. By hand, as root: it takes two minutes, and one more for the first time."""
import argparse
import fcntl
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / place) for place in ("kernel", "apps")]

import debian_tree  # noqa: E402
import fetch_kernel  # noqa: E402
import make_initramfs  # noqa: E402
import qemu  # noqa: E402
from libraries import libraries_of  # noqa: E402
from private_apt import configured_mirrors  # noqa: E402

PACKAGES = ["systemd-sysv", "bpftool", "procps", "python3-minimal", "libpython3-stdlib"]
CHECK_SECONDS = 400
DISK_BYTES = 1 << 30
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
while read -r module; do
    insmod "/modules/$module.ko"
done </modules/order
mount -t ext4 /dev/vda /root
umount /proc
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""
UNIT = """[Unit]
After=pipetrace.service
[Service]
Type=exec
ExecStart=/opt/checks/job
[Install]
WantedBy=multi-user.target
"""
JOB = """#!/bin/sh
mkdir /results
stty -F /dev/ttyS1 raw
stty -F /dev/ttyS2 raw
uname -r >/results/release
python3 -B /opt/checks/systemd_checks.py >/dev/ttyS1 2>&1
echo $? >/results/status
echo complete >/results/complete
tar -c -f - -C /results . | cat >/dev/ttyS2
stty -F /dev/ttyS2 raw
poweroff -f
"""
CONFIG = """output = "/var/log/pipetrace/incidents.json"
origin = true
"""


def debian(cache):
    """A tree of this machine's release, made only if it is not there; never changed afterwards."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    wanted = f"{release}: {' '.join(PACKAGES)}\n"
    folder = cache / "systemd"
    folder.mkdir(parents=True, exist_ok=True)
    tree, work = folder / "debian", folder / "debian.unfinished"
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (tree / "wanted").exists() and (tree / "wanted").read_text() == wanted:
            return tree
        for old in (tree, work):
            if old.exists():
                shutil.rmtree(old)
        debian_tree.bootstrap(work, configured_mirrors()[0], folder, release, PACKAGES)
        (work / "wanted").write_text(wanted)
        work.rename(tree)
    return tree


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def install(tree, build):
    """pipetrace as an administrator installs and enables it, and the checks."""
    run(["cmake", "--install", build, "--prefix", "/usr"], env={**os.environ, "DESTDIR": str(tree)})
    for place, library in libraries_of(build / "pipetrace").items():
        there = tree / place.lstrip("/")
        if not there.exists():
            shutil.copy(library, there)
    write(tree / "etc/pipetrace/pipetrace.conf", CONFIG)
    for name in (HERE / "systemd_checks.py", HERE / "victim.py", build / "tests/monitor/bin/storm_load"):
        (tree / "opt/checks").mkdir(exist_ok=True)
        shutil.copy(name, tree / "opt/checks")
    write(tree / "opt/checks/job", JOB, 0o755)
    units = tree / "etc/systemd/system"
    write(units / "checks.service", UNIT)
    (units / "serial-getty@ttyS0.service").symlink_to("/dev/null")
    write(tree / "etc/machine-id", "")
    run(["systemctl", "--quiet", f"--root={tree}", "enable", "pipetrace.service", "checks.service"])


def make_loader(path, modules):
    """What mounts the disk."""
    archive = make_initramfs.Archive()
    for name in ("usr/bin", "dev", "proc", "root"):
        archive.directory(name)
    archive.symlink("bin", "usr/bin")
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.file("/bin/busybox", make_initramfs.BUSYBOX)
    make_initramfs.add_kernel_modules(archive, modules, ["virtio_pci", "virtio_blk"])
    archive.text("init", INIT, 0o755)
    archive.write(path)


def run(command, **options):
    subprocess.run(list(map(str, command)), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   timeout=120, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":", 1)[0])
    parser.add_argument("--kernel", default="6.1", choices=set(fetch_kernel.SUITES) - set(fetch_kernel.ARCHITECTURES))
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--cache", type=Path, default=ROOT / "build/kernels")
    options = parser.parse_args()
    cache = options.cache.resolve()
    try:
        kernel, tree = fetch_kernel.fetch(options.kernel, cache), debian(cache)
    except fetch_kernel.FetchError as error:
        sys.exit(f"systemd_vm: {error}")
    with tempfile.TemporaryDirectory(prefix="pipetrace-systemd-") as temporary:
        work = Path(temporary)
        run(["cp", "-a", tree, work / "tree"])
        install(work / "tree", options.build.resolve())
        with open(work / "disk", "wb") as disk:
            disk.truncate(DISK_BYTES)
        run(["mkfs.ext4", "-q", "-d", work / "tree", work / "disk"])
        make_loader(work / "initramfs", kernel / "modules")
        outcome = qemu.boot(options.kernel, kernel, work / "initramfs", work, job_seconds=CHECK_SECONDS,
                            processors=1, disk=work / "disk")
        if outcome.failure:
            sys.exit(f"systemd_vm: {outcome.describe()}")
        print(f"systemd_vm: {outcome.result('release')}, {outcome.seconds:.0f} s, status {outcome.result('status')}")
        sys.exit(int(outcome.result("status")))


if __name__ == "__main__":
    main()
