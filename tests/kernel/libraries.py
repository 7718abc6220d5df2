"""Which shared libraries a program needs: this machine's, or those of unpacked foreign packages."""
import re
import subprocess
from pathlib import Path

TRIPLET = "aarch64-linux-gnu"
FOREIGN_PLACES = (f"usr/lib/{TRIPLET}", f"lib/{TRIPLET}", "usr/lib", "lib")


def listing(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


def own_libraries(program):
    found = listing("ldd", program)
    if "not found" in found:
        raise RuntimeError(f"{program}: a shared library is missing\n{found}")
    return {library: Path(library) for library in re.findall(r"(/\S+) \(0x", found)}


def locate(name, root):
    for place in FOREIGN_PLACES:
        if (root / place / name).exists():
            return f"/{place}/{name}"
    raise RuntimeError(f"no {name} in {root}")


def foreign_libraries(program, root):
    """As ldd would tell there; a program of another architecture cannot be asked."""
    found, wanted = {}, [Path(program)]
    while wanted:
        told = listing("readelf", "--wide", "-l", "-d", wanted.pop())
        names = re.findall(r"\(NEEDED\).*\[(\S+)\]", told)
        names += [Path(loader).name for loader in re.findall(r"interpreter: (\S+)\]", told)]
        for name in names:
            path = locate(name, root)
            if path not in found:
                found[path] = root / path.lstrip("/")
                wanted.append(found[path])
    # The kernel looks for the loader where the program says.
    for path in [path for path in found if Path(path).name.startswith("ld-linux")]:
        found[f"/lib/{Path(path).name}"] = found[path]
    return found


def libraries_of(program, root=None):
    """{path in the virtual machine: file here}; `root`: of the foreign packages, or None."""
    return foreign_libraries(program, root) if root else own_libraries(program)
