"""Boot one kernel in QEMU's software emulation and bring its results back."""
import dataclasses
import io
import re
import subprocess
import tarfile
import time
from pathlib import Path

COMMAND_LINE = "loglevel=4 panic=-1 oops=panic random.trust_cpu=on mitigations=off net.ifnames=0"
# 6.12 crashed in about every second emulated boot with two processors.
PROCESSORS = {"6.12": 1, "arm64": 1}
# The guest's own limits come first; this much later QEMU is ended from outside.
BOOT_SECONDS = 60
CONSOLE_TAIL = 40


@dataclasses.dataclass
class Outcome:
    """What one boot left. `failure` is empty if the VM ran to its end."""
    failure: str
    seconds: float
    console: str
    results: Path

    def result(self, name, default=""):
        path = self.results / name
        return path.read_text(errors="replace").strip() if path.exists() else default

    def describe(self):
        tail = "\n".join(self.console.splitlines()[-CONSOLE_TAIL:])
        return f"{self.failure}\n--- end of the console ---\n{tail}"


def network(link):
    """`link` is None or this machine's number and a directory: 1 and 2 there share a wire."""
    if link is None:
        return ["-nic", "none"]
    number, directory = link
    own, other = (Path(directory) / f"wire{end}" for end in (number, 3 - number))
    return ["-netdev", f"dgram,id=wire,local.type=unix,local.path={own},"
                       f"remote.type=unix,remote.path={other}",
            "-device", f"virtio-net-pci,netdev=wire,mac=52:54:00:00:00:0{number},romfile="]


def machine(kernel):
    """The emulated machine, and the names that its kernel gives the lines of `serial_lines`."""
    if kernel == "arm64":
        return (["qemu-system-aarch64", "-machine", "virt", "-accel", "tcg", "-cpu", "cortex-a72"],
                "console=ttyAMA0 output_line=ttyS0 results_line=ttyS1")
    return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max"], "console=ttyS0"


def serial_lines(kernel, work):
    """The kernel's console, the job's output, the results. arm64's machine has one line of its own."""
    console, results = f"file:{work / 'console'}", work / "results.tar"
    output = ["-chardev", "stdio,id=output,signal=off"]
    if kernel == "arm64":
        return ["-serial", console, *output, "-device", "pci-serial,chardev=output",
                "-chardev", f"file,id=results,path={results}", "-device", "pci-serial,chardev=results"]
    return ["-serial", console, *output, "-serial", "chardev:output", "-serial", f"file:{results}"]


def disk_of(image):
    return ["-drive", f"file={image},if=virtio,format=raw,cache=unsafe"] if image else []


def command(kernel, directory, initramfs, work, job_seconds, processors=None, link=None, disk=None):
    smp = processors or PROCESSORS.get(kernel, 2)
    limit = job_seconds + BOOT_SECONDS
    emulator, lines = machine(kernel)
    # timeout(1) and not Python holds the limit: it outlives a killed caller.
    return ["timeout", "--foreground", "--kill-after=5", str(limit),
            *emulator, "-smp", str(smp), "-m", "768",
            "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
            *network(link), *disk_of(disk), "-no-reboot",
            "-kernel", str(Path(directory) / "vmlinuz"), "-initrd", str(initramfs),
            "-append", f"{COMMAND_LINE} {lines} job_seconds={job_seconds}", *serial_lines(kernel, work)]


def unpack(archive, target):
    """Unpack the VM's results; return False if they are not complete."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
            for member in tar.getmembers():
                name = member.name.removeprefix("./")
                if not member.isfile() or name.startswith("/") or ".." in name:
                    continue
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(tar.extractfile(member).read())
    except (OSError, tarfile.TarError):
        return False
    return (target / "complete").exists()


class Machine:
    """One running VM. The job's output goes to the file object `output`."""

    def __init__(self, kernel, directory, initramfs, work, *, job_seconds, processors=None, link=None,
                 disk=None, output=None):
        self.kernel = kernel
        self.work = Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.begin = time.monotonic()
        with open(self.work / "qemu.stderr", "w", encoding="utf-8") as stderr:
            self.process = subprocess.Popen(
                command(kernel, directory, initramfs, self.work, job_seconds, processors, link, disk),
                stdin=subprocess.DEVNULL, stdout=output, stderr=stderr)

    def finish(self, seconds=None):
        """Wait for its end, which its own limit bounds, or end it after `seconds`."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            status = self.process.wait()
        complaint = (self.work / "qemu.stderr").read_text(errors="replace").strip()
        seconds = time.monotonic() - self.begin
        console = ""
        if (self.work / "console").exists():
            console = (self.work / "console").read_text(errors="replace").replace("\r", "")
        panic = re.search(r"Kernel panic - .*", console)
        failure = ""
        if panic:
            failure = f"kernel {self.kernel} crashed after {seconds:.0f} s: {panic.group(0)}"
        elif status in (124, 137):
            failure = f"kernel {self.kernel} hung: ended after {seconds:.0f} s"
        elif status != 0:
            failure = f"QEMU ended with status {status}: {complaint}"
        elif not unpack(self.work / "results.tar", self.work / "results"):
            failure = f"kernel {self.kernel} powered off without complete results"
        return Outcome(failure, seconds, console, self.work / "results")


def boot(*arguments, **options):
    """Run a VM to its end."""
    return Machine(*arguments, **options).finish()
