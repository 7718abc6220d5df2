#!/usr/bin/env python3
"""Pack the file system of the test VM: busybox, Python, pipetrace, the cases.

The archive is not compressed: under software emulation unpacking it would cost
more time than reading it.
"""
import argparse
import ast
import lzma
import re
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from libraries import TRIPLET, libraries_of

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
BUSYBOX = "/bin/busybox"
PYTHON_MODULES = ["argparse", "dataclasses", "fcntl", "json", "os", "pathlib", "re", "selectors",
                  "signal", "socket", "struct", "subprocess", "tempfile", "threading", "time"]
# Sockets are destroyed through the diag modules; two hosts need a veth pair; a packet filter rejects.
KERNEL_MODULES = ["tcp_diag", "unix_diag", "veth", "nft_reject_inet"]
# The bus has no user among the modules, so that nothing else would load it.
NETWORK_MODULES = ["virtio_pci", "virtio_net"]
# /etc/passwd and friends, so that tests can become another user.
ETC = {"passwd": "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
       "group": "root:x:0:\nnogroup:x:65534:\n",
       "hosts": "127.0.0.1 localhost\n::1 localhost\n",
       "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n"}


class Archive:
    """A cpio archive in the "newc" format, everything owned by root.

    `root` is None, or where packages of another architecture are unpacked: the VM's.
    """

    def __init__(self, root=None):
        self.entries = {}
        self.root = Path(root) if root else None

    def source(self, path):
        """The file here that is to be `path` there."""
        return self.root / str(path).lstrip("/") if self.root else Path(path)

    def add(self, path, mode, data=b"", device=(0, 0)):
        path = str(path).strip("/")
        parent = Path(path).parent
        if str(parent) != "." and str(parent) not in self.entries:
            self.add(parent, stat.S_IFDIR | 0o755)
        self.entries[path] = (mode, data, device)

    def directory(self, path, mode=0o755):
        self.add(path, stat.S_IFDIR | mode)

    def symlink(self, path, target):
        self.add(path, stat.S_IFLNK | 0o777, target.encode())

    def text(self, path, content, mode=0o644):
        self.add(path, stat.S_IFREG | mode, content.encode())

    def file(self, path, source):
        """Add a host file; /lib and /bin are links to /usr in the VM."""
        path = re.sub(r"^/?(lib64|lib|bin|sbin)/", r"usr/\1/", str(path))
        mode = 0o755 if Path(source).stat().st_mode & 0o111 else 0o644
        self.add(path, stat.S_IFREG | mode, Path(source).read_bytes())

    def program(self, path, source):
        """Add a program and the shared libraries that it needs."""
        self.file(path, source)
        for place, library in libraries_of(source, self.root).items():
            self.file(place, library)

    def write(self, path):
        with open(path, "wb") as out:
            for number, (name, (mode, data, device)) in enumerate(self.entries.items(), 1):
                out.write(self._record(number, name, mode, data, device))
            out.write(self._record(0, "TRAILER!!!", 0, b"", (0, 0)))

    @staticmethod
    def _record(inode, name, mode, data, device):
        encoded = name.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        head = b"070701" + "".join(f"{field:08X}" for field in fields).encode() + encoded
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def add_base(archive):
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.directory(f"usr/{name}")
        archive.symlink(name, f"usr/{name}")
    for name in ("dev", "proc", "sys", "run", "root", "results", "modules"):
        archive.directory(name)
    archive.directory("tmp", 0o1777)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for name, content in ETC.items():
        archive.text(f"etc/{name}", content)
    archive.file("/bin/busybox", archive.source(BUSYBOX))
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True,
                             timeout=30, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            archive.symlink(f"usr/bin/{applet}", "busybox")
    archive.file("/init", HERE / "init")


def imports_of(sources):
    """The standard library modules that the Python files import."""
    names = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return {name for name in names if name.split(".")[0] in sys.stdlib_module_names}


def add_binary(archive, path):
    """The interpreter or one of its extensions: of the VM's architecture, in the version that runs here."""
    if archive.root:
        path = path.replace(sysconfig.get_config_var("MULTIARCH"), TRIPLET)
    archive.program(path, archive.source(path))


def add_python(archive, sources):
    modules = sorted({*PYTHON_MODULES, *imports_of(sources)})
    with tempfile.TemporaryDirectory() as stage:
        closure = subprocess.run([PYTHON, "-I", "-S", str(HERE / "python_closure.py"), stage,
                                  *modules], capture_output=True, text=True, timeout=60)
        if closure.returncode != 0:
            raise RuntimeError(closure.stderr)
        for line in closure.stdout.splitlines():
            kind, source, path = line.split("\t")
            if kind == "dir":
                archive.directory(path)
            elif source.endswith(".pyc"):
                archive.file(path, source)
            else:
                add_binary(archive, path)
    interpreter = str(Path(PYTHON).resolve())
    add_binary(archive, interpreter)
    archive.symlink(PYTHON, Path(interpreter).name)


def add_kernel_modules(archive, directory, names):
    """Add modules, uncompressed, in the order in which they must be loaded."""
    order = []

    def visit(name):
        found = [path for path in directory.rglob(f"{name}.ko*")]
        if not found or name in order:
            return
        data = found[0].read_bytes()
        if found[0].suffix == ".xz":
            data = lzma.decompress(data)
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in depends.group(1).decode().split(",") if depends else []:
            if other:
                visit(other)
        order.append(name)
        archive.add(f"modules/{name}.ko", stat.S_IFREG | 0o644, data)

    for name in names:
        visit(name)
    archive.text("modules/order", "".join(f"{name}\n" for name in order))


def build(output, *, pipetrace=None, provokers=None, cases=None, modules=None, job="", extra=(),
          network=False, root=None):
    """Write the archive. `job` is the shell text that /init runs; `network` adds the wire's drivers;
    `root` is where packages of another architecture are unpacked."""
    archive = Archive(root)
    add_base(archive)
    sources = sorted(Path(cases).glob("*.py")) if cases else []
    add_python(archive, [*sources, *(Path(p) for p in extra if str(p).endswith(".py"))])
    for source in sources:
        archive.file(f"tests/cases/{source.name}", source)
    if pipetrace:
        archive.program("/bin/pipetrace", pipetrace)
    for provoker in sorted(Path(provokers).iterdir()) if provokers else []:
        if provoker.is_file() and provoker.stat().st_mode & 0o111:
            archive.program(f"/provokers/{provoker.name}", provoker)
    for path in map(Path, extra):
        archive.program(f"/extra/{path.name}", path)
    if modules:
        add_kernel_modules(archive, Path(modules), [*KERNEL_MODULES, *(NETWORK_MODULES if network else [])])
    archive.text("job", job, 0o755)
    archive.write(output)
    return Path(output).stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--pipetrace", type=Path)
    parser.add_argument("--provokers", type=Path)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--modules", type=Path, help="module tree of the kernel")
    parser.add_argument("--job", default="", help="shell text to run in the VM")
    options = vars(parser.parse_args())
    print(f"{build(options.pop('output'), **options) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
