"""The state changes of the TCP sockets at one port, as the kernel's own tracing shows them: which end's they are."""
import re
import subprocess
import tempfile

SECONDS_MAX = 10
CHANGE = re.compile(r"inet_sock_set_state:.* sport=(\d+) dport=(\d+) ")
# tracefs is mounted where nobody else sees it, and the events go to a buffer of their own.
COLLECT = """
set -e
mount -t tracefs tracefs "$1"
buffer=$1/instances/pipetrace_$$
mkdir "$buffer"
trap 'echo 0 >"$event/enable"; rmdir "$buffer"' EXIT
event=$buffer/events/sock/inet_sock_set_state
echo 4096 >"$buffer/buffer_size_kb"
echo "protocol == 6 && (sport == $2 || dport == $2)" >"$event/filter"
echo 1 >"$event/enable"
echo ready
read -r _
echo 0 >"$event/enable"
cat "$buffer/trace"
"""


class StateChanges:
    """Of both ends of the connections to a listener's port, while `work` runs: how many at the end that has the port,
    and how many at the other."""

    def __init__(self, port):
        self.port = port

    def during(self, work):
        with tempfile.TemporaryDirectory(prefix="pipetrace-tracefs-") as place, subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", COLLECT, "sh", place, str(self.port)], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as collector:
            if collector.stdout.readline() != "ready\n":
                raise AssertionError("the kernel's tracing does not begin")
            work()
            lines, _ = collector.communicate("end\n", timeout=SECONDS_MAX)
        ports = [tuple(map(int, change.groups())) for change in CHANGE.finditer(lines)]
        listening = sum(local == self.port for local, _ in ports)
        return listening, len(ports) - listening
