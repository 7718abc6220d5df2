#!/usr/bin/env python3
"""A Debian 12 tree of the tests' own, with the real programs that they trace. The host gets none of them.

The mirror, and how to fetch from it, are those of the machine's own apt configuration. No service is
started in the tree. It is made once and is only read afterwards: whoever runs programs in it lays a
disk of his own over it (host.py).
"""
import argparse
import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kernel"))

from private_apt import FetchError, configured_mirrors, keyring  # noqa: E402

SUITE = "bookworm"
PACKAGES = [
    "caddy", "curl", "git", "golang-1.19-go", "haproxy", "iproute2", "ncat", "nftables", "nginx-light",
    "nodejs", "openjdk-17-jre-headless", "openssh-client", "openssh-server", "postgresql-15", "procps",
    "python3", "redis-server", "redis-tools", "rsync", "slirp4netns", "tomcat10", "wget",
]
STEP_SECONDS = 280


def run(command, log):
    """Run one step in a mount namespace of its own, so that what it mounts goes with it."""
    with open(log, "w", encoding="utf-8") as out:
        try:
            done = subprocess.run(["unshare", "--mount", "--propagation", "private", *map(str, command)],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                  timeout=STEP_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"took more than {STEP_SECONDS} s (see {log}): {command}") from error
    if done.returncode != 0:
        raise FetchError(f"status {done.returncode} from {command}:\n{log.read_text()[-4000:]}")


def bootstrap(tree, base, logs, suite=SUITE, packages=()):
    include = [f"--include={','.join(packages)}"] if packages else []
    run(["debootstrap", "--variant=minbase", *include, f"--keyring={keyring()}", suite, tree, base],
        logs / "debootstrap.log")


def configure_apt(tree, base, security):
    """Its sources are the machine's mirror, its way of fetching the machine's own."""
    sources = [f"deb {base} {SUITE} main"]
    if security:
        sources.append(f"deb {security} {SUITE}-security main")
    apt = tree / "etc/apt"
    (apt / "sources.list").write_text("\n".join(sources) + "\n")
    for part in Path("/etc/apt/apt.conf.d").glob("*"):
        shutil.copy(part, apt / "apt.conf.d")
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc") / name, tree / "etc" / name)
    # Maintainer scripts ask before they start a service: 101 is "no".
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


def install(tree, logs):
    script = f"""set -e
        mount -t proc proc {tree}/proc
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
        chroot {tree} apt-get update
        chroot {tree} apt-get install -y --no-install-recommends -o Acquire::Retries=2 \
            -o Dpkg::Options::=--force-unsafe-io {" ".join(PACKAGES)}
        chroot {tree} apt-get clean"""
    run(["sh", "-c", script], logs / "install.log")


def make(directory):
    """Return the tree in that directory; make it only if it is not there, or of other packages."""
    directory = Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    tree, work = directory / "debian", directory / "debian.unfinished"
    wanted = f"{SUITE}: {' '.join(PACKAGES)}\n"
    with open(directory / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = tree / "wanted"
        if stamp.exists() and stamp.read_text() == wanted:
            return tree
        for old in (tree, work):
            if old.exists():
                shutil.rmtree(old)
        base, security = configured_mirrors()
        bootstrap(work, base, directory)
        configure_apt(work, base, security)
        install(work, directory)
        (work / "wanted").write_text(wanted)
        work.rename(tree)
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("directory", type=Path, help="where the tree and the logs of its making are kept")
    options = parser.parse_args()
    try:
        print(make(options.directory))
    except FetchError as error:
        sys.exit(f"debian_tree: {error}")


if __name__ == "__main__":
    main()
