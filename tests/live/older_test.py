"""Connections older than the trace, in a network namespace that is not its own."""
import os
import signal
import subprocess
import sys

import live
from live import COMMAND_SECONDS, LiveTest

# A pair whose accepting end is another process's. Says its pids; at a line of input, writes until it is told an error.
PAIR = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
holder = os.fork()
if holder == 0:
    accepted = listener.accept()[0]
    listener.close()
    accepted.sendall(b"x")
    time.sleep(60)
    os._exit(0)
sock = socket.create_connection(listener.getsockname())
sock.recv(1)
print(os.getpid(), holder, flush=True)
sys.stdin.readline()
os.waitpid(holder, 0)
try:
    for _ in range(100):
        sock.sendall(b"x")
        time.sleep(0.01)
except OSError as error:
    print(type(error).__name__, flush=True)
"""


class Older(LiveTest):
    def test_what_is_remembered_is_found_after_another_tool_has_looked(self):
        """Such a tool has the kernel give each socket its cookie."""
        pair = subprocess.Popen(["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$0" -c "$1"', sys.executable, PAIR],
                                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(pair.communicate)
        writer, holder = map(int, pair.stdout.readline().split())
        tracer = self.trace("--json", "--kind", "tcp")
        sockets = subprocess.run(["nsenter", "-t", str(writer), "--net", "ss", "-tne"], check=True, text=True,
                                 capture_output=True, timeout=COMMAND_SECONDS).stdout
        self.assertIn("ESTAB", sockets)
        os.kill(holder, signal.SIGKILL)
        self.assertEqual(pair.communicate("\n", COMMAND_SECONDS)[0], "BrokenPipeError\n")
        self.assertTrue(tracer.wait_incident(lambda found: found["process"]["pid"] == writer, COMMAND_SECONDS))
        self.stop(tracer)
        told = [found for found in tracer.last_revisions() if found["process"]["pid"] == writer]
        self.assertEqual([found["verdict"]["cause"] for found in told], ["peer_process_died"])
        self.assertEqual(told[0]["peer"]["pid"], holder)


if __name__ == "__main__":
    live.main()
