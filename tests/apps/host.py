"""A host of the test's own: the Debian tree under a throw-away disk, with its own network and name.

Programs started on it are children of the test with their true process ids; whatever they leave running
is ended, by process id, with the host. The test's directory is /case there.
"""
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from warden import END_HOST, Warden

SETUP_SECONDS = 20
# States of /proc/net/tcp.
ESTABLISHED, LISTEN = "01", "0A"
END_SECONDS = 20
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
               "LANG": "C.UTF-8", "TERM": "dumb"}

# $1 is the tree, $2 a directory to mount on, $3 the test's directory, $4 the host's name.
SETUP = r"""
set -e
mount -t tmpfs -o mode=755 disk "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" root "$2/root"
cd "$2/root"
mkdir case
mount --rbind "$3" case
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs -o ro sys sys
for place in tmp run; do mount -t tmpfs -o mode=1777 "$place" "$place"; done
mkdir -p run/sshd run/lock
hostname "$4"
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$4" > etc/hosts
ip link set lo up
exec chroot . sh -c 'echo ready; exec sleep infinity'
"""


class TcpSocket(NamedTuple):
    """A socket as /proc/net/tcp has it."""
    local_port: int
    remote_port: int
    state: str
    unsent: int  # or not acknowledged, in bytes
    unread: int


class Program:
    """A program on a host; what it prints is in a file of the test's directory."""

    def __init__(self, process, log):
        self.process, self.log = process, log
        self.pid = process.pid

    def text(self):
        return self.log.read_text(errors="replace")

    def wait(self, seconds=END_SECONDS):
        """Its exit status; negative for a signal, as subprocess has it."""
        return self.process.wait(seconds)

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            os.kill(self.pid, number)

    def type(self, line=""):
        """Give it a line on its standard input, a pipe."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def stop(self):
        """Stop it, and wait until each of its threads has stopped."""
        self.kill(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        wait_until(lambda: all((task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
                               for task in tasks.iterdir()), 10, f"{self.pid} is stopped")

    def wait_log(self, text, seconds=10):
        """Wait until it has printed the text; what it printed till then."""
        return wait_for_text(self.log, text, seconds, self.process)


class Host:
    def __init__(self, tree, directory, name="host"):
        self.directory = Path(directory)
        disk = self.directory / f".{name}"
        disk.mkdir()
        self._programs = []
        self.name = name
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--uts", "--propagation", "private", "sh", "-c", SETUP, "sh",
             str(tree), str(disk), str(self.directory), name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = self._holder.stdout.readline()
        if said != "ready\n":
            said += self._holder.communicate(timeout=SETUP_SECONDS)[0]
            raise RuntimeError(f"host {name} cannot be set up: {said}")
        self.pid = self._holder.pid
        self._warden = Warden(END_HOST, self.pid)
        self._namespace = os.readlink(f"/proc/{self.pid}/ns/mnt")

    def _command(self, arguments, user, directory):
        enter = ["nsenter", "--mount", "--net", "--uts", "--root", f"--wd={directory}", f"--target={self.pid}"]
        if user:
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return [*enter, *map(str, arguments)]

    def start(self, *arguments, user=None, directory="/case", log=None, env=None, stdin=subprocess.DEVNULL,
              stdout=None):
        """Start a program: no shell, no other process between. Both its outputs go to the log (a name in
        the test's directory), or its standard output where `stdout` says."""
        number = len(self._programs) + 1
        path = self.directory / (log or f"{self.name}-{number}-{Path(arguments[0]).name}.log")
        with open(path, "ab") as out:
            process = subprocess.Popen(self._command(arguments, user, f"/proc/{self.pid}/root{directory}"),
                                       stdin=stdin, stdout=stdout or out, stderr=out,
                                       env={**ENVIRONMENT, **(env or {})})
        self._programs.append(process)
        return Program(process, path)

    def run(self, *arguments, user=None, directory="/case", env=None, seconds=30, **options):
        """Run a program to its end; the completed process with its text outputs."""
        options = {"stdin": subprocess.DEVNULL, **options} if "input" not in options else options
        return subprocess.run(self._command(arguments, user, f"/proc/{self.pid}/root{directory}"), check=False,
                              capture_output=True, text=True, errors="replace", timeout=seconds,
                              env={**ENVIRONMENT, **(env or {})}, **options)

    def path(self, inside):
        """Where the test finds a file of this host's."""
        return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    def tcp_sockets(self, state):
        """Its TCP sockets in that state, over IPv4 and IPv6."""
        found = []
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, remote, its_state, queues = line.split()[:5]
                if its_state == state:
                    ports = (int(address.rsplit(":", 1)[1], 16) for address in (local, remote))
                    found.append(TcpSocket(*ports, state, *(int(size, 16) for size in queues.split(":"))))
        return found

    def unread_by_clients_of(self, port):
        """The most bytes that lie unread at a client of that port here, as the kernel says."""
        return max((socket.unread for socket in self.tcp_sockets(ESTABLISHED) if socket.remote_port == port), default=0)

    def wait_listens(self, port, seconds=20):
        wait_until(lambda: port in {socket.local_port for socket in self.tcp_sockets(LISTEN)}, seconds,
                   f"{self.name} listens on port {port}")

    def processes(self):
        """{pid: name} of all that runs on this host."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.pid:
                continue
            try:
                if os.readlink(entry / "ns/mnt") == self._namespace:
                    found[int(entry.name)] = (entry / "comm").read_text().rstrip("\n")
            except OSError:
                continue  # it has just ended
        return found

    def close(self):
        """End all that runs on this host, by process id; its disk and its network go with the last."""
        deadline = time.monotonic() + END_SECONDS
        while pids := self.processes():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for process in self._programs:
                process.poll()
            if time.monotonic() > deadline:
                raise AssertionError(f"host {self.name}: these do not end: {pids}")
            time.sleep(0.005)
        for process in [*self._programs, self._holder]:
            process.kill()  # by now only the holder runs
            process.wait()
            for stream in filter(None, (process.stdin, process.stdout)):
                stream.close()
        self._warden.release()


def connect(one, other, network="10.79.0", name="eth0"):
    """A cable between two hosts: `one` gets the network's .1, `other` its .2."""
    ip("link", "add", name, "netns", one.pid, "type", "veth", "peer", "name", name, "netns", other.pid)
    for number, host in enumerate((one, other), 1):
        for arguments in (("address", "add", f"{network}.{number}/24", "dev", name), ("link", "set", name, "up")):
            done = host.run("ip", *arguments)
            assert done.returncode == 0, done.stderr


def ip(*arguments):
    subprocess.run(["ip", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, timeout=SETUP_SECONDS)


def wait_until(condition, seconds, what):
    """Poll a condition that nothing announces; return its first true value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)
    return value


def wait_for_text(path, text, seconds, process=None):
    """Wait until a file holds the text; return what it holds then."""
    def found():
        content = path.read_text(errors="replace") if path.exists() else ""
        if text in content:
            return content
        if process is not None and process.poll() is not None:
            content = path.read_text(errors="replace") if path.exists() else ""
            assert text in content, f"{path.name}: ended without {text!r}:\n{content}"
        return None
    try:
        return wait_until(found, seconds, f"{text!r} in {path.name}")
    except AssertionError as error:
        content = path.read_text(errors="replace") if path.exists() else "(no such file)"
        raise AssertionError(f"{error}\n{content[-4000:]}") from None
