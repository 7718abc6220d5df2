"""The ends around a proxy or an HTTP client: small scripts that misbehave on purpose, and stop where the
case tells them to."""
import subprocess

from app_case import AppCase
from http_cases import WAIT_LET_GO

PRELUDE = WAIT_LET_GO + """
import os, select, signal, socket, struct, sys

def step(word):
    "Say how far it came, and wait to be told to go on."
    print(word, flush=True)
    sys.stdin.readline()

def listen(where):
    if isinstance(where, str):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(where)
        os.chmod(where, 0o777)
        listener.listen()
    else:
        listener = socket.create_server(("::", where), family=socket.AF_INET6, dualstack_ipv6=True)
    print("listens", flush=True)
    return listener

def accept(where):
    return listen(where).accept()[0]

def head(end):
    "Read up to the end of a header."
    text = b""
    while b"\\r\\n\\r\\n" not in text:
        part = end.recv(4096)
        if not part:
            break
        text += part
    return text

def abort(end):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()

def attempt(call, *arguments):
    "Whether a call succeeded, told in the log too."
    try:
        print("did", call.__name__, call(*arguments), flush=True)
        return True
    except OSError as error:
        print("failed", call.__name__, error.errno, flush=True)
        return False

GET = b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
OK = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
BEGIN = b"HTTP/1.1 200 OK\\r\\nContent-Length: 50000000\\r\\n\\r\\n"
"""
STEP_SECONDS = 10


class WebCase(AppCase):
    def setUp(self):
        super().setUp()
        self.here = self.host()

    def script(self, text, *arguments, host=None):
        """Start a script at its first line; go_on() lets it pass its next step()."""
        return (host or self.here).start("python3", "-c", PRELUDE + text, *arguments, stdin=subprocess.PIPE)

    def upstream(self, text, *arguments, host=None):
        """A script that listens, when it does so."""
        program = self.script(text, *arguments, host=host)
        program.wait_log("listens", STEP_SECONDS)
        return program

    def go_on(self, program, after):
        program.wait_log(after, STEP_SECONDS)
        program.type()

    def children(self, program):
        path = f"/proc/{program.pid}/task/{program.pid}/children"
        with open(path, encoding="ascii") as children:
            return [int(pid) for pid in children.read().split()]

    def assert_told_alone(self, *incidents):
        """Nothing else was told of the programs of this case."""
        ours = {incident["id"] for incident in incidents}
        namespaces = {incident["endpoint"]["netns"] for incident in incidents} - {None}
        pids = {incident["process"]["pid"] for incident in incidents}
        others = [f"{found['process']['comm']}: {found['verdict']['summary']}" for found in self.stop_tracing()
                  if (found["process"]["pid"] in pids or found["endpoint"].get("netns") in namespaces)
                  and found["id"] not in ours]
        self.assertEqual(others, [])
