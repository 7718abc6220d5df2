"""OpenSSH's two ends on hosts of the test's own: keys, a server, sessions whose processes are known."""
import os
import re
import signal
import subprocess
from pathlib import Path

from host import END_SECONDS, ESTABLISHED, wait_until

SERVER_PORT = 22
CONFIGURATION = """
Port {port}
ListenAddress 0.0.0.0
HostKey /case/host_key
AuthorizedKeysFile /case/client_key.pub
StrictModes no
PermitRootLogin yes
UsePAM no
LogLevel VERBOSE
PidFile none
"""
OPTIONS = ("-F", "none", "-i", "/case/client_key", "-o", "UserKnownHostsFile=/dev/null",
           "-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=10")


def ended(pid):
    return not Path(f"/proc/{pid}").exists()


def kill(pid):
    """And wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ended(pid), END_SECONDS, f"process {pid} is gone")


def parent_of(pid):
    """None: it has just ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


class Sshd:
    def __init__(self, host, *lines):
        self.host = host
        for key in ("host_key", "client_key"):
            if not (host.directory / key).exists():
                made = host.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"/case/{key}")
                assert made.returncode == 0, made.stderr
        (host.directory / "sshd_config").write_text("\n".join([*lines, CONFIGURATION.format(port=SERVER_PORT)]))
        self.program = host.start("/usr/sbin/sshd", "-D", "-e", "-f", "/case/sshd_config", log="sshd.log")
        self.pid = self.program.pid
        host.wait_listens(SERVER_PORT)

    def wait_log(self, text):
        return self.program.wait_log(text)

    def children(self):
        return self.of(self.pid)

    def of(self, parent):
        return [pid for pid in self.host.processes() if parent_of(pid) == parent]

    def wait_process(self, pattern):
        """The one process on the server's host whose command line matches."""
        def found():
            return [pid for pid in self.host.processes() if re.search(pattern, command_line(pid))]
        return wait_until(lambda: len(found()) == 1 and found()[0], 10, f"one process like {pattern!r}")


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class Session:
    """`ssh SERVER COMMAND`, with pipes to its standard input and output."""

    def __init__(self, client, server, address, command="cat", options=(), user="root"):
        self.program = client.start("ssh", *OPTIONS, *options, f"{user}@{address}", command, log="ssh.log",
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.program.pid
        self._server, self._user = server, user

    def say(self, text=b"hello\n"):
        """What is typed; False where ssh reads no more."""
        try:
            self.program.process.stdin.write(text)
            self.program.process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def echo(self):
        """Type a line that comes back: this session stands."""
        assert self.say()
        assert self.program.process.stdout.readline() == b"hello\n", self.program.text()

    def server_process(self):
        return self._server.wait_process(rf"^sshd: {self._user}@notty")


def queues(host, local_port=None, remote_port=None):
    """(unacknowledged or unsent, unread) bytes of the host's connection with these ports; (0, 0): there is none."""
    for socket in host.tcp_sockets(ESTABLISHED):
        if local_port in (None, socket.local_port) and remote_port in (None, socket.remote_port):
            return socket.unsent, socket.unread
    return 0, 0


def local_port(host, remote_port):
    return next(socket.local_port for socket in host.tcp_sockets(ESTABLISHED) if socket.remote_port == remote_port)
