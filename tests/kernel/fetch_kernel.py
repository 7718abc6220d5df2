#!/usr/bin/env python3
"""Fetch one Debian kernel and unpack vmlinuz and its modules.

The mirror is the one that the machine's own apt configuration names. apt works
in a state directory of its own, so that the machine's package lists, pins and
hooks are neither used nor changed; signatures are checked as always.
"""
import argparse
import fcntl
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

KEYRING_DIR = Path("/usr/share/keyrings")
# Suites in the order in which they are tried. bullseye's last point release
# stands still; bookworm-security is where 6.1 gets its fixes first.
SUITES = {
    "5.10": ["bullseye", "bullseye-security"],
    "6.1": ["bookworm-security", "bookworm"],
    "6.12": ["trixie", "trixie-security"],
    "newest": ["sid"],
}
META_PACKAGE = "linux-image-cloud-amd64"
PART = re.compile(r"linux-(?:image|binary|modules)-[^\s,(|]*cloud-amd64")
DEBIAN_SUITE = re.compile(
    r"^(bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)"
    r"(-security|-updates)?$")
APT_SECONDS = 240


class FetchError(Exception):
    """The kernel cannot be had; the text says why."""


def run(command, **options):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=APT_SECONDS, **options)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} took more than {APT_SECONDS} s: "
                         f"{' '.join(map(str, command))}") from error


def configured_mirrors():
    """Return (base URI, security URI or None) from the machine's apt sources."""
    listing = run(["apt-get", "update", "--print-uris"])
    base = security = None
    for uri, suite in re.findall(r"'([^']+?)/dists/([^/']+)/[^']*'", listing.stdout):
        match = DEBIAN_SUITE.match(suite)
        if not match:
            continue
        if match.group(2) == "-security":
            security = security or uri
        else:
            base = base or uri
    if not base:
        raise FetchError("the machine's apt sources name no Debian mirror\n" + listing.stderr)
    return base, security


def keyring():
    for name in ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp"):
        if (KEYRING_DIR / name).exists():
            return KEYRING_DIR / name
    raise FetchError(f"no Debian keyring in {KEYRING_DIR}: install debian-archive-keyring")


def prepare_apt(state, uri, suite):
    """Write the configuration of a private apt; return the option that selects it."""
    if state.exists():
        shutil.rmtree(state)
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(
        f"deb [arch=amd64 signed-by={keyring()}] {uri} {suite} main\n")
    (state / "apt.conf").write_text(f'''
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
Acquire::Retries "2";
# A mirror may lag behind: signatures are checked, the age of an index is not.
Acquire::Check-Valid-Until "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
''')
    return ["-c", str(state / "apt.conf")]


def resolve(config):
    """Follow the meta package to the packages that hold vmlinuz and modules."""
    wanted, names, version = [META_PACKAGE], [], None
    while wanted:
        name = wanted.pop(0)
        shown = run(["apt-cache", *config, "show", "--no-all-versions", name])
        depends = re.search(r"^Depends: (.*)$", shown.stdout, re.M)
        if shown.returncode != 0 or not shown.stdout:
            raise FetchError(f"package {name} not found: {shown.stderr.strip()}")
        if name != META_PACKAGE:
            names.append(name)
            version = version or re.search(r"^Version: (.*)$", shown.stdout, re.M).group(1)
        for part in PART.findall(depends.group(1) if depends else ""):
            if part not in names + wanted:
                wanted.append(part)
    if not names:
        raise FetchError(f"{META_PACKAGE} names no kernel package")
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
        unpacked = run(["dpkg-deb", "-x", str(deb), str(tree)])
        if unpacked.returncode != 0:
            raise FetchError(f"{deb.name}: {unpacked.stderr}")
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


def fetch_suite(uri, suite, work):
    config = prepare_apt(work / "apt", uri, suite)
    update = run(["apt-get", *config, "-o", "APT::Update::Error-Mode=any", "update"])
    if update.returncode != 0:
        raise FetchError("apt-get update failed:\n" + update.stderr.strip())
    names, version = resolve(config)
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
                stamp = fetch_suite(uri, suite, work)
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
