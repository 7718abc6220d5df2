"""How often pipetrace's programs run for what goes well, and how much it makes of what does not: counts, the same
on every machine. The host's other work is counted too, so that the least of several rounds tells."""
import os
import re
import socket
import struct
import subprocess
import time

import live
from live import LiveTest
from run_counts import RunCounts
from state_changes import StateChanges

ROUNDS_SECONDS = 15
REQUESTS = 2000
CONNECTIONS = 300
PROCESSES = 60
INCIDENTS = 400
# What other programs do meanwhile, as a share of what is counted.
FOREIGN_SHARE = 0.05

# A connection over loopback that is opened and closed in order, both ends together. Each passes five states, of which
# no other tracepoint tells (inet_sock_set_state); a sixth run sees its socket go; and the kernel drops the segment
# that its end in TIME_WAIT discards.
RUNS_PER_CONNECTION_MAX = 13
# Of one end, as of a connection to another host.
RUNS_PER_END_MAX = 8
# fork, exec, exit, and the signal to the parent.
RUNS_PER_PROCESS_MAX = 4
# A connection that is reset, and of which a receive and a send are told: what is kept of both ends, the RST at
# either, the error, the two calls, both sockets' ends.
EVENTS_PER_INCIDENT_MAX = 9

LINGER_ZERO = struct.pack("ii", 1, 0)


class Pairs:
    """Connected sockets over loopback, by a listener of their own."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))

    def make(self):
        client = socket.create_connection(self.listener.getsockname())
        return client, self.listener.accept()[0]


class Cost(LiveTest):
    def setUp(self):
        super().setUp()
        self.pairs = Pairs()
        self.addCleanup(self.pairs.listener.close)

    def traced(self, *arguments):
        tracer = self.trace("--mode", "tracepoint", *arguments)
        counts = RunCounts(tracer.process.pid)
        self.addCleanup(counts.__exit__)
        return tracer, counts

    def least_runs(self, counts, work, times, limit):
        """Runs for each of `times` operations: of the round with the fewest, whose runs are also given by program.
        Ends with the first round within the limit."""
        best = None
        deadline = time.monotonic() + ROUNDS_SECONDS
        while best is None or time.monotonic() < deadline:
            runs = counts.during(work)
            total = sum(runs.values()) / times
            if best is None or total < best[0]:
                best = total, runs
            if total <= limit:
                break
        return best

    def assert_runs(self, what, counts, work, times, limit):
        allowed = limit + max(limit, 1) * FOREIGN_SHARE
        total, runs = self.least_runs(counts, work, times, allowed)
        print(f"\n{what}: {total:.2f} runs, {limit} at most: {runs}")
        self.assertLessEqual(total, allowed, runs)

    def exchange(self, client, server):
        for _ in range(REQUESTS):
            client.send(b"x")
            server.recv(1)
            server.send(b"y")
            client.recv(1)

    def open_and_close(self):
        for _ in range(CONNECTIONS):
            client, server = self.pairs.make()
            client.close()
            server.recv(1)
            server.close()

    def run_processes(self):
        for _ in range(PROCESSES):
            subprocess.run(["/bin/true"], check=True)

    def test_inferred_requests(self):
        client, server = self.pairs.make()
        with client, server:
            _, counts = self.traced("--errors", "inferred")
            self.assert_runs("a request, inferred", counts, lambda: self.exchange(client, server), REQUESTS, 0)

    def test_inferred_connections(self):
        _, counts = self.traced("--errors", "inferred")
        self.assert_runs("a connection, inferred", counts, self.open_and_close, CONNECTIONS,
                         RUNS_PER_CONNECTION_MAX)

    def test_inferred_connections_of_one_end(self):
        """Whose the state changes are, the kernel's own tracing tells. Of the rest each end has one at least: its
        socket goes."""
        _, counts = self.traced("--errors", "inferred")
        runs = {}
        changes = StateChanges(self.pairs.listener.getsockname()[1]).during(
            lambda: runs.update(self.least_runs(counts, self.open_and_close, CONNECTIONS, 1e9)[1]))
        state_runs = runs.pop("pt_inet_sock_se")
        rest = sum(runs.values()) / CONNECTIONS
        allowed = RUNS_PER_END_MAX * (1 + FOREIGN_SHARE)
        for end, count in zip(("that accepted", "that connected, and closed first"), changes):
            most = count / CONNECTIONS + rest - 1
            print(f"\nthe end {end}: {count / CONNECTIONS:.2f} state changes, {most:.2f} runs at most")
            self.assertLessEqual(most, allowed, runs)
        self.assertAlmostEqual(sum(changes), state_runs, delta=state_runs * FOREIGN_SHARE)

    def test_inferred_processes(self):
        _, counts = self.traced("--errors", "inferred")
        self.assert_runs("a process, inferred", counts, self.run_processes, PROCESSES, RUNS_PER_PROCESS_MAX)

    def test_exact_calls(self):
        client, server = self.pairs.make()
        with client, server:
            _, counts = self.traced("--errors", "exact")
            self.assert_runs("a socket call, exact", counts, lambda: self.exchange(client, server), 4 * REQUESTS, 1)

    def test_exact_other_calls(self):
        _, counts = self.traced("--errors", "exact")
        with open("/dev/zero", "rb", buffering=0) as zero:
            def call():
                for _ in range(REQUESTS):
                    os.getppid()
                    zero.read(1)
            self.assert_runs("another system call, exact", counts, call, 2 * REQUESTS, 0)

    def meet_failures(self):
        for _ in range(INCIDENTS):
            client, server = self.pairs.make()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            server.close()
            with client:
                self.assertRaises(ConnectionResetError, client.recv, 1)
                self.assertRaises(BrokenPipeError, client.send, b"x", socket.MSG_NOSIGNAL)

    def test_events_per_incident(self):
        tracer, _ = self.traced("--json", "--errors", "exact")
        self.meet_failures()
        self.stop(tracer)
        summary = tracer.stderr()
        incidents = int(re.search(r"(\d+) incidents", summary)[1])
        events = int(re.search(r"(\d+) events", summary)[1])
        print(f"\n{events / incidents:.2f} events an incident: {summary}")
        self.assertGreaterEqual(incidents, INCIDENTS)
        self.assertLessEqual(events / incidents, EVENTS_PER_INCIDENT_MAX * (1 + FOREIGN_SHARE))


if __name__ == "__main__":
    live.main()
