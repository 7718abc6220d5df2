"""apt in a state directory of its own: packages of any suite and architecture, off the machine's mirror.

The mirror is the one that the machine's own apt configuration names. The machine's package
lists, pins and hooks are neither used nor changed; signatures are checked as always.
"""
import re
import shutil
import subprocess
from pathlib import Path

KEYRING_DIR = Path("/usr/share/keyrings")
DEBIAN_SUITE = re.compile(
    r"^(bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)"
    r"(-security|-updates)?$")
APT_SECONDS = 240


class FetchError(Exception):
    """The packages cannot be had; the text says why."""


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


def prepare_apt(state, uri, suite, architecture):
    """Write the configuration of a private apt; return the option that selects it."""
    if state.exists():
        shutil.rmtree(state)
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(
        f"deb [arch={architecture} signed-by={keyring()}] {uri} {suite} main\n")
    (state / "apt.conf").write_text(f'''
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
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


def update(config):
    updated = run(["apt-get", *config, "-o", "APT::Update::Error-Mode=any", "update"])
    if updated.returncode != 0:
        raise FetchError("apt-get update failed:\n" + updated.stderr.strip())


def unpack(deb, tree):
    unpacked = run(["dpkg-deb", "-x", str(deb), str(tree)])
    if unpacked.returncode != 0:
        raise FetchError(f"{deb.name}: {unpacked.stderr}")
