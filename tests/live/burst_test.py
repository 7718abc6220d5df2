"""Many alike on the running kernel: in JSON each with its burst, on a terminal one story and a count."""
import re
import subprocess
import sys

import live
from live import LiveTest
from pseudo_terminal import ESCAPE, TerminalTest

CONNECTIONS = 12
# A server that closes all its connections at once, with a request unread on each.
STORY = """
import os, socket, sys
count = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0), backlog=count)
sent, told = os.pipe()
server = os.fork()
open("/proc/self/comm", "w").write("burst-client" if server else "burst-server")
if server == 0:
    connections = [listener.accept()[0] for _ in range(count)]
    os.close(told)
    os.read(sent, 1)
    for connection in connections:
        connection.close()
    os._exit(0)
clients = [socket.create_connection(listener.getsockname()) for _ in range(count)]
for client in clients:
    client.sendall(b"x" * 100)
os.close(told)
for client in clients:
    try:
        client.recv(1)
    except ConnectionResetError:
        pass
os.waitpid(server, 0)
print(os.getpid())
"""


def lose_connections(count):
    """Let one client lose so many connections at once; return its pid."""
    done = subprocess.run([sys.executable, "-c", STORY, str(count)], check=True, text=True,
                          capture_output=True, timeout=live.COMMAND_SECONDS)
    return int(done.stdout)


class InJson(LiveTest):
    def test_each_incident_stays_and_names_its_burst(self):
        tracer = self.trace("--json", "--comm", "burst-client", "-c", CONNECTIONS)
        pid = lose_connections(CONNECTIONS)
        self.assertEqual(tracer.wait_end(live.INCIDENT_SECONDS), 0, "-c counts incidents, not bursts")
        incidents = [found for found in tracer.incidents() if found["process"]["pid"] == pid]
        self.assertEqual(len({found["id"] for found in incidents}), CONNECTIONS)
        for incident in incidents:
            self.assert_valid(incident)
        bursts = [incident["burst"] for incident in incidents]
        self.assertEqual(bursts[:4], [None] * 4)
        self.assertEqual([burst["size"] for burst in bursts[4:]], list(range(5, CONNECTIONS + 1)))
        self.assertEqual({burst["id"] for burst in bursts[4:]}, {bursts[4]["id"]})
        self.assertEqual({burst["pattern"] for burst in bursts[4:]}, {"one_instant"})
        self.assertRegex(re.sub(r"\s+", " ", tracer.stderr()),
                         rf"1 burst: {CONNECTIONS} x peer_closed_unread_data of burst-client\[{pid}\] "
                         rf"by burst-server\[\d+\] in .*, all broke within")


class OnATerminal(TerminalTest):
    def test_burst_is_told_once(self):
        terminal = self.terminal("--comm", "burst-client", NO_COLOR="1")
        lose_connections(CONNECTIONS)
        self.assertTrue(terminal.read_until(rb"Burst", live.INCIDENT_SECONDS), terminal.seen)
        self.assertEqual(terminal.end(), 0)
        text = ESCAPE.sub(b"", terminal.seen).decode()
        self.assertEqual(text.count("    Cause "), 1, text)
        self.assertEqual(text.count("Burst"), 1, text)
        self.assertIn(f"{CONNECTIONS} x peer_closed_unread_data", text)
        self.assertNotIn("#2", text)
        self.assertIn(f"pipetrace: {CONNECTIONS} incidents", text)

    def test_a_few_are_told_each(self):
        terminal = self.terminal("--comm", "burst-client", NO_COLOR="1")
        lose_connections(3)
        self.assertTrue(terminal.read_until(rb"#3", live.INCIDENT_SECONDS), terminal.seen)
        self.assertEqual(terminal.end(), 0)
        self.assertNotIn(b"Burst", terminal.seen)

    def test_what_is_held_back_is_told_at_the_end(self):
        out = live.run("run", "--comm", "burst-client", "--", sys.executable, "-c", STORY, "3")
        self.assert_status(0, out)
        self.assertEqual(out.stderr.count("    Cause "), 3, out.stderr)

    def test_a_file_gets_each(self):
        path = self.directory / "incidents"
        self.assert_status(0, live.run("run", "--comm", "burst-client", "-o", path, "--", sys.executable, "-c",
                                       STORY, CONNECTIONS))
        self.assertEqual(path.read_text().count("    Cause "), CONNECTIONS)


if __name__ == "__main__":
    live.main()
