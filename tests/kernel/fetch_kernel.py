#!/usr/bin/env python3
"""Fetch one Debian kernel and unpack vmlinuz and its modules."""
import argparse
import fcntl
import json
import re
import shutil
import sys
from pathlib import Path

from private_apt import FetchError, configured_mirrors, prepare_apt, run, unpack, update

# Suites in the order in which they are tried. bullseye's last point release
# stands still; bookworm-security is where 6.1 gets its fixes first.
SUITES = {
    "5.10": ["bullseye", "bullseye-security"],
    "6.1": ["bookworm-security", "bookworm"],
    "6.12": ["trixie", "trixie-security"],
    "newest": ["sid"],
    "arm64": ["trixie", "trixie-security"],
}
ARCHITECTURES = {"arm64": "arm64"}
META_PACKAGE = "linux-image-cloud-{}"
PART = re.compile(r"linux-(?:image|binary|modules)-[^\s,(|]*cloud-(?:amd64|arm64)")


def resolve(config, architecture):
    """Follow the meta package to the packages that hold vmlinuz and modules."""
    meta = META_PACKAGE.format(architecture)
    wanted, names, version = [meta], [], None
    while wanted:
        name = wanted.pop(0)
        shown = run(["apt-cache", *config, "show", "--no-all-versions", name])
        depends = re.search(r"^Depends: (.*)$", shown.stdout, re.M)
        if shown.returncode != 0 or not shown.stdout:
            raise FetchError(f"package {name} not found: {shown.stderr.strip()}")
        if name != meta:
            names.append(name)
            version = version or re.search(r"^Version: (.*)$", shown.stdout, re.M).group(1)
        for part in PART.findall(depends.group(1) if depends else ""):
            if part not in names + wanted:
                wanted.append(part)
    if not names:
        raise FetchError(f"{meta} names no kernel package")
    return names, version


def download(config, names, version, target):
    """Download (apt checks signature and hashes) and unpack; return the release."""
    debs = target / "debs"
    debs.mkdir(parents=True)
    got = run(["apt-get", *config, "download", *names], cwd=debs)
    if got.returncode != 0:
        raise FetchError(f"download of {' '.join(names)} failed:\n{got.stderr}")
    tree = target / "tree"
    for deb in debs.glob("*.deb"):
        unpack(deb, tree)
    images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")]
    module_trees = [*tree.glob("lib/modules/*"), *tree.glob("usr/lib/modules/*")]
    if len(images) != 1 or len(module_trees) != 1:
        raise FetchError(f"{' '.join(names)} hold {len(images)} kernel images and "
                         f"{len(module_trees)} module trees, one of each was expected")
    shutil.move(images[0], target / "vmlinuz")
    shutil.move(module_trees[0], target / "modules")
    shutil.rmtree(tree)
    shutil.rmtree(debs)
    return {"release": module_trees[0].name, "version": version, "packages": names}


def fetch_suite(uri, suite, architecture, work):
    config = prepare_apt(work / "apt", uri, suite, architecture)
    update(config)
    names, version = resolve(config, architecture)
    target = work / "unpacked"
    if target.exists():
        shutil.rmtree(target)
    return download(config, names, version, target)


def fetch(kernel, cache):
    """Return the directory of the unpacked kernel; download only if it is not there."""
    cache = Path(cache).resolve()
    final = cache / kernel
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f".{kernel}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (final / "stamp.json").exists():
            return final
        base, security = configured_mirrors()
        work = cache / f".{kernel}.work"
        failures = []
        for suite in SUITES[kernel]:
            uri = security if suite.endswith("-security") else base
            if not uri:
                failures.append(f"{suite}: the machine's apt sources name no security mirror")
                continue
            try:
                stamp = fetch_suite(uri, suite, ARCHITECTURES.get(kernel, "amd64"), work)
            except FetchError as error:
                failures.append(f"{suite}: {error}")
                continue
            (work / "unpacked/stamp.json").write_text(json.dumps({**stamp, "suite": suite}) + "\n")
            if final.exists():
                shutil.rmtree(final)
            (work / "unpacked").rename(final)
            shutil.rmtree(work)
            return final
        raise FetchError(f"kernel {kernel} cannot be fetched\n" + "\n".join(failures))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kernel", required=True, choices=SUITES)
    parser.add_argument("--cache", required=True, type=Path, help="directory of unpacked kernels")
    options = parser.parse_args()
    try:
        directory = fetch(options.kernel, options.cache)
    except FetchError as error:
        sys.exit(f"fetch_kernel: {error}")
    stamp = json.loads((directory / "stamp.json").read_text())
    print(f"kernel {options.kernel}: {stamp['release']} ({stamp['version']}, {stamp['suite']})")


if __name__ == "__main__":
    main()
