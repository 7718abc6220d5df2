"""What the cases of HTTP servers share: a client that uses its connection once too late, and who is told of."""
from app_case import AppCase

CURL_TIMED_OUT = 28
# For scripts: waits until the other end's FIN has come, and no program holds that end any more.
WAIT_LET_GO = """
import select, time

def wait_let_go(end):
    ends = [end.getpeername()[1], end.getsockname()[1]]

    def is_held():
        for table in ("tcp", "tcp6"):
            for line in open("/proc/net/" + table).read().splitlines()[1:]:
                fields = line.split()
                if [int(address.rsplit(":", 1)[1], 16) for address in fields[1:3]] == ends:
                    return fields[9] != "0"  # its inode
        return False

    poll = select.poll()
    poll.register(end, select.POLLRDHUP)
    assert poll.poll(20000), "nothing happened"
    deadline = time.monotonic() + 20
    while is_held():
        assert time.monotonic() < deadline, "the other end is not closed"
        time.sleep(0.01)
"""
# Arguments: port and path. It uses the connection again once the server's program has let go of it, in two
# sends; what it meets is the last line of what it prints.
REUSING_CLIENT = WAIT_LET_GO + """
import http.client, sys
port, path = int(sys.argv[1]), sys.argv[2]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
connection.request("GET", path)
connection.getresponse().read()
wait_let_go(connection.sock)
over = select.poll()
over.register(connection.sock, 0)
try:
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", "10")
    connection.endheaders()
    assert over.poll(20000), "no RST"  # both directions are over
    connection.send(b"0123456789")
    print("status", connection.getresponse().status)
except (OSError, http.client.HTTPException) as error:
    print(type(error).__name__)
"""


class HttpCase(AppCase):
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
