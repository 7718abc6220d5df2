"""Who may include whom: data flows kernel -> record -> event -> incident -> verdict -> output."""

import re

from c_text import includes

ABI = "pipetrace_abi.h"
# What the programs share with who loads them: no reader of records needs it.
SHARED_WITH_SOURCE = ("typed_reads.h", "repeats.h")
SKELETONS = ("pipetrace.skel.h", "pipetrace_direct.skel.h")

# Folder of userspace/ -> project folders it may include, besides itself.
FOLDERS = {
    "model": set(),
    "correlate": {"model"},
    "diagnose": {"model"},
    "advise": {"model"},
    "merge": {"model"},
    "render": {"model"},
    "export": {"model"},
    "decode": {"model"},
    "store": {"model"},
    "source": {"model", "store"},
    "cli": {"model"},
    "app": {"model", "correlate", "diagnose", "advise", "merge", "render", "export", "decode", "store", "source",
            "cli"},
    "main": {"app", "cli"},
}
READS_ABI = {"decode", "store", "source"}
# Folders without clock, files and threads: of the system's headers, only the standard library's.
PURE = {"model", "correlate", "diagnose", "advise", "merge", "render", "decode"}
# Turns addresses into text and swaps byte order; does no I/O.
PURE_SYSTEM_HEADERS = {"arpa/inet.h"}
# First part of a library's include path -> folders that may use it.
LIBRARIES = {
    "bpf": {"source"},
    "cap-ng.h": {"app"},
    "seccomp.h": {"app"},
    "systemd": {"export"},
    "CLI": {"cli"},
    # The tests read with it what the program writes.
    "nlohmann": {"store"},
    "sqlite3.h": {"store"},
    "systemd": {"export"},
    "toml++": {"advise"},
    "prometheus": {"export"},
    # Stands in for std::format, which g++ 12 has not.
    "fmt": {"correlate", "diagnose", "advise", "merge", "render", "export", "app", "cli"},
    "gtest": set(),
    "gmock": set(),
}
STANDARD = re.compile(r"^[a-z_0-9]+$")


def check_bpf(path, kind, target):
    """One include of the kernel side: its own headers, libbpf's, the kernel types."""
    allowed = (
        target in (ABI, *SHARED_WITH_SOURCE, "vmlinux.h", "vmlinux_io_uring.h")
        or (kind == '"' and target.endswith(".bpf.h"))
        or target.startswith("bpf/")
    )
    if path.endswith(ABI) or allowed:
        return None
    return f"the kernel side may not include {target}"


def check_userspace(folder, kind, target):
    """One include of a file in userspace/FOLDER."""
    top = target.split("/")[0]
    if target in SKELETONS:
        return None if folder == "source" else f"only source may include {target}, not {folder}"
    if target in SHARED_WITH_SOURCE:
        return None if folder == "source" else f"only source may include {target}, not {folder}"
    if target == ABI:
        return None if folder in READS_ABI else f"{folder} may not include {ABI}"
    if top in LIBRARIES:
        return None if folder in LIBRARIES[top] else f"{folder} may not use the library {top}"
    if kind == '"':
        if top == folder or top in FOLDERS[folder]:
            return None
        return f"{folder} may not include {target}"
    if folder in PURE and not STANDARD.match(target) and target not in PURE_SYSTEM_HEADERS:
        return f"{folder} is pure: <{target}> is not of the standard library"
    return None


def folder_of(path):
    parts = path.split("/")
    return "main" if len(parts) == 2 else parts[1]


def check(path, text):
    """Yields (line, message) for every include in `path` that goes against the flow."""
    for line, kind, target in includes(text):
        complaint = None
        if path.startswith("bpf/"):
            complaint = check_bpf(path, kind, target)
        elif target.endswith((".bpf.h", ".bpf.c")):
            complaint = f"{target} never reaches C++"
        elif path.startswith("userspace/"):
            folder = folder_of(path)
            if folder not in FOLDERS:
                complaint = f"folder {folder} is not in the table of layers.py"
            else:
                complaint = check_userspace(folder, kind, target)
        if complaint:
            yield line, complaint
