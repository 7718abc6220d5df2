"""Chains on the running kernel: the incident that brought another about, over pipes and connections."""
import sys

import live
from live import LiveTest

# A server that is killed with a request unread, and a client that another program writes to.
STORY = """
import os, signal, socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
server = os.fork()
if server == 0:
    connection, _ = listener.accept()
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)
client = '''
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(b"x" * 1000)
connection.recv(1)
'''
command = 'yes | "$0" -c "$1" "$2" 2>/dev/null'
subprocess.run(["sh", "-c", command, sys.executable, client, str(listener.getsockname()[1])], timeout=20)
os.waitpid(server, 0)
"""


class Chains(LiveTest):
    def test_a_pipeline_that_ends_is_one_benign_chain(self):
        told = self.told_of("sh", "-c", "yes | cat | head -1")
        self.assertEqual(list(told), ["cat", "yes"], "the cause is told first")
        cat, yes = told["cat"], told["yes"]
        self.assertIsNone(cat["caused_by"])
        self.assertEqual(cat["verdict"]["cause"], "pipe_reader_closed")
        self.assertEqual(yes["caused_by"], cat["id"])
        self.assertEqual(yes["verdict"]["cause"], "pipe_reader_died")
        self.assertEqual([cat["verdict"]["severity"], yes["verdict"]["severity"]], ["benign"] * 2)
        self.assertIn(f"It began with cat[{cat['process']['pid']}]: head[", yes["verdict"]["summary"])

    def test_a_killed_server_ends_the_client_and_who_writes_to_it(self):
        told = self.told_of(sys.executable, "-c", STORY)
        self.assertEqual(list(told)[1:], ["yes"])
        client, yes = told.values()
        self.assertEqual(client["verdict"]["cause"], "peer_process_died")
        self.assertIsNone(client["caused_by"])
        self.assertEqual(yes["caused_by"], client["id"])
        self.assertEqual(yes["peer"]["pid"], client["process"]["pid"])
        self.assertEqual(yes["peer"]["action"], "exit")
        self.assertRegex(yes["verdict"]["summary"], r" It began with .* was killed by SIGKILL\.$")


if __name__ == "__main__":
    live.main()
