"""What the cases of HTTP servers share: a client that uses its connection once too late, and who is told of."""
from pathlib import Path

from app_case import AppCase

ESTABLISHED = "01"  # as /proc/net/tcp has it
# Arguments: port and path. It uses the connection again once the server's program has let go of it, in two
# sends; what it meets is the last line of what it prints.
REUSING_CLIENT = """
import http.client, select, sys, time
port, path = int(sys.argv[1]), sys.argv[2]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
connection.request("GET", path)
connection.getresponse().read()
own = connection.sock.getsockname()[1]

def wait_event(mask):
    poll = select.poll()
    poll.register(connection.sock, mask)
    assert poll.poll(20000), "nothing happened"

def server_has_closed():
    for table in ("tcp", "tcp6"):
        for line in open("/proc/net/" + table).read().splitlines()[1:]:
            fields = line.split()
            ports = [int(end.rsplit(":", 1)[1], 16) for end in fields[1:3]]
            if ports == [port, own]:
                return fields[9] == "0"  # no inode: no program holds it
    return True

wait_event(select.POLLRDHUP)
deadline = time.monotonic() + 20
while not server_has_closed():
    assert time.monotonic() < deadline, "the server does not close"
    time.sleep(0.01)
try:
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", "10")
    connection.endheaders()
    wait_event(0)  # the RST: both directions are over
    connection.send(b"0123456789")
    print("status", connection.getresponse().status)
except (OSError, http.client.HTTPException) as error:
    print(type(error).__name__)
"""


class HttpCase(AppCase):
    def unread_by_clients_of(self, port):
        """The most bytes that lie unread at a client of that port (on self.machine), as the kernel says."""
        most = 0
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.machine.pid}/net/{table}").read_text().splitlines()[1:]:
                _, _, remote, state, queues = line.split()[:5]
                if state == ESTABLISHED and int(remote.rsplit(":", 1)[1], 16) == port:
                    most = max(most, int(queues.split(":")[1], 16))
        return most

    def assert_told_of_no_more(self, programs, *incidents):
        """End the trace: of these programs it has told the incidents alone. Return their last revisions."""
        pids = {program.pid for program in programs}
        told = {found["id"]: found for found in self.stop_tracing() if found["process"]["pid"] in pids}
        self.assertEqual(sorted(told), sorted(found["id"] for found in incidents),
                         [found["verdict"]["summary"] for found in told.values()])
        return [told[found["id"]] for found in incidents]

    def assert_reused_too_late(self, port, server, client):
        """The client of REUSING_CLIENT wrote to a connection that the server had closed as idle."""
        self.assertEqual(client.wait(30), 0, client.text())
        self.assertEqual(client.text().splitlines()[-1:], ["BrokenPipeError"])
        incident = self.incident(pid=client.pid)
        self.assertEqual(incident["endpoint"]["remote"], f"127.0.0.1:{port}")
        self.assert_verdict(incident, "write_after_peer_close", "certain", "fault")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assertEqual(incident["sigpipe"], "ignored")
        self.assertEqual(incident["first_close"], "peer")
        self.assertEqual(incident["rst"]["state"], "CLOSE_WAIT")
        self.assert_peer(incident, server.pid, "close")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        return incident


def catches_sigpipe(pid):
    """Whether the process has a handler for SIGPIPE, as the kernel says."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> 12 & 1)
