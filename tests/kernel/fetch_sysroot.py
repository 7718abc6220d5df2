#!/usr/bin/env python3
"""Fetch the arm64 packages that a cross-build links with and its virtual machine runs, and unpack them.

They are those of the release that runs here, whose cross compiler builds with them. The C library's
headers and link scripts are left to that compiler.
"""
import argparse
import fcntl
import platform
import shutil
import sys
from pathlib import Path

from private_apt import FetchError, configured_mirrors, prepare_apt, run, unpack, update

ARCHITECTURE = "arm64"
PACKAGES = ["busybox-static", "libbpf-dev", "libc6", "libcap-ng-dev", "libcli11-dev", "libfmt-dev",
            "libseccomp-dev", "libsqlite3-dev", "libsystemd-dev", "libtomlplusplus-dev", "libstdc++6",
            "nlohmann-json3-dev", "prometheus-cpp-dev", "python3-minimal", "libpython3-stdlib"]
OF_THE_COMPILER = ("libc6-dev_", "libcrypt-dev_", "linux-libc-dev_")


def fetch_packages(work):
    base, _ = configured_mirrors()
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    config = prepare_apt(work / "apt", base, release, ARCHITECTURE)
    update(config)
    # With an empty status all that they depend on is fetched too, in versions that fit.
    got = run(["apt-get", *config, "install", "--download-only", "--no-install-recommends", "-y", *PACKAGES])
    if got.returncode != 0:
        raise FetchError(f"download of {' '.join(PACKAGES)} failed:\n{got.stderr}")
    debs = sorted((work / "apt/cache/archives").glob("*.deb"))
    for deb in debs:
        if not deb.name.startswith(OF_THE_COMPILER):
            unpack(deb, work / "unpacked")
    return [deb.name for deb in debs]


def fetch(cache):
    """Return the directory of the unpacked packages; download only if it is not there, or of other packages."""
    cache = Path(cache).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    final, work = cache / "arm64-sysroot", cache / ".arm64-sysroot.work"
    with open(cache / ".arm64-sysroot.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = final / "wanted"
        if wanted.exists() and wanted.read_text() == " ".join(PACKAGES):
            return final
        for old in (work, final):
            shutil.rmtree(old, ignore_errors=True)
        names = fetch_packages(work)
        (work / "unpacked/packages").write_text("".join(f"{name}\n" for name in names))
        (work / "unpacked/wanted").write_text(" ".join(PACKAGES))
        (work / "unpacked").rename(final)
        shutil.rmtree(work)
    return final


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cache", required=True, type=Path, help="directory of unpacked kernels")
    options = parser.parse_args()
    try:
        directory = fetch(options.cache)
    except FetchError as error:
        sys.exit(f"fetch_sysroot: {error}")
    print(directory)


if __name__ == "__main__":
    main()
