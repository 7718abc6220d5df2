"""What fails over and over is counted in the kernel: every failure, whoever's, wherever it is counted."""
import os
import signal
import socket
import subprocess
import sys
import threading

import live
from live import LiveTest
from reset_peer import have_reset

FEW, MANY = 3, 5000
# More than have a place of their own on one end (PT_COUNT_SLOTS).
MANY_THREADS = 9
# More than the kernel programs have places for (PT_REPEATS_MAX).
CONNECTIONS = 300
# Fails for the first time when told to, and all the other times when told again.
WRITER = """
import os, sys
def fail():
    try:
        os.write(int(sys.argv[1]), b"x")
    except BrokenPipeError:
        return
    raise AssertionError("a write to a dead pipe succeeded")
sys.stdin.readline()
fail()
print("failed", flush=True)
sys.stdin.readline()
for _ in range(1, int(sys.argv[2])):
    fail()
"""


def dead_connection():
    """A connection that its peer has reset; the error was taken."""
    client = socket.socket()
    have_reset(client)
    return client


def send_in_vain(connection, times):
    for _ in range(times):
        try:
            connection.send(b"x", socket.MSG_NOSIGNAL)
        except BrokenPipeError:
            continue
        raise AssertionError("a send on a dead connection succeeded")


def write_in_vain(connection, times=1):
    """With SIGPIPE ignored, as Python does."""
    for _ in range(times):
        try:
            os.write(connection.fileno(), b"x")
        except BrokenPipeError:
            continue
        raise AssertionError("a write on a dead connection succeeded")


def broken_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "wb", buffering=0)


def lonely_socket():
    own, other = socket.socketpair()
    other.close()
    return own


def write_in_children(ends, times):
    """Each writes to all of them, at the same time as the others; their pids."""
    pids = []
    for _ in range(FEW):
        pids.append(os.fork())
        if pids[-1] == 0:
            for end in ends:
                write_in_vain(end, times)
            os._exit(0)
    for pid in pids:
        os.waitpid(pid, 0)
    return pids


class Repeats(LiveTest):
    def setUp(self):
        super().setUp()
        self.tracer = self.trace("--json", "-p", os.getpid())

    def told(self):
        """By local address, what was told of each connection: {(errno, call, thread): count}."""
        self.stop(self.tracer, signal.SIGINT)
        return {incident["endpoint"]["local"]: {(error["errno"], error["syscall"], error["tid"]): error["count"]
                                                for error in incident["errors"]}
                for incident in self.tracer.last_revisions()}

    def expected(self, *sends):
        """The reset, and `sends`: (call, thread, count)."""
        own = threading.get_native_id()
        return {("ECONNRESET", "recvfrom", own): 1,
                **{("EPIPE", call, thread or own): count for call, thread, count in sends}}

    @staticmethod
    def name_of(connection):
        return "%s:%d" % connection.getsockname()

    def test_on_connections_that_live_on_and_that_do_not(self):
        wanted = {}
        held = []
        for times in (1, 2, FEW, MANY):
            for closes in (True, False):
                connection = dead_connection()
                wanted[self.name_of(connection)] = self.expected(("sendto", None, times))
                send_in_vain(connection, times)
                connection.close() if closes else held.append(connection)
        self.assertEqual(self.told(), wanted)
        for connection in held:
            connection.close()

    def test_by_processes_in_turn_on_one_pipe(self):
        """Each in turn fails for the first time, before any of them has ended: the first of them is not the last."""
        reader, writer = os.pipe()
        os.close(reader)
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(writer), str(MANY)], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, pass_fds=[writer]) for _ in range(FEW)]
        for process in writers:
            process.stdin.write(b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"failed\n")
        for process in (*writers[1:], writers[0]):
            process.communicate(b"\n", timeout=live.COMMAND_SECONDS)
            self.assertEqual(process.returncode, 0)
        os.close(writer)
        self.stop(self.tracer, signal.SIGINT)
        told = {incident["process"]["pid"]: {(error["errno"], error["syscall"]): error["count"]
                                             for error in incident["errors"]}
                for incident in self.tracer.last_revisions()}
        self.assertEqual(told, {process.pid: {("EPIPE", "write"): MANY} for process in writers})

    def test_by_two_calls_in_turn(self):
        with dead_connection() as connection:
            for _ in range(MANY):
                send_in_vain(connection, 1)
                write_in_vain(connection)
            self.assertEqual(self.told(), {self.name_of(connection): self.expected(
                ("sendto", None, MANY), ("write", None, MANY))})

    def test_by_threads_at_once(self):
        with dead_connection() as connection:
            threads = [threading.Thread(target=send_in_vain, args=(connection, MANY)) for _ in range(FEW)]
            for thread in threads:
                thread.start()
            ids = [thread.native_id for thread in threads]
            for thread in threads:
                thread.join()
            self.assertEqual(self.told(), {self.name_of(connection): self.expected(
                *(("sendto", tid, MANY) for tid in ids))})

    def test_by_more_threads_than_are_counted(self):
        with broken_pipe() as pipe:
            threads = [threading.Thread(target=write_in_vain, args=(pipe, MANY // 10)) for _ in range(MANY_THREADS)]
            for thread in threads:
                thread.start()
            ids = [thread.native_id for thread in threads]
            for thread in threads:
                thread.join()
            self.assertEqual(list(self.told().values()), [{("EPIPE", "write", tid): MANY // 10 for tid in ids}])

    def test_by_processes_at_once(self):
        with broken_pipe() as pipe, lonely_socket() as pair, dead_connection() as connection:
            pids = write_in_children((pipe, pair, connection), MANY)
            # Each is over with its process, not with the trace.
            live.wait_for(lambda: sum(incident["process"]["pid"] in pids and incident["errors"][0]["count"] == MANY
                                      for incident in self.tracer.last_revisions()) == 3 * FEW,
                          live.INCIDENT_SECONDS, "all counts")
        self.stop(self.tracer, signal.SIGINT)
        told = [(incident["endpoint"]["kind"], incident["process"]["pid"],
                 [(error["errno"], error["count"]) for error in incident["errors"]])
                for incident in self.tracer.last_revisions() if incident["process"]["pid"] in pids]
        self.assertCountEqual(told, [(kind, pid, [("EPIPE", MANY)]) for kind in ("pipe", "unix", "tcp")
                                     for pid in pids])

    def test_on_more_connections_than_there_are_places(self):
        connections = [dead_connection() for _ in range(CONNECTIONS)]
        for connection in connections:
            send_in_vain(connection, 2 * FEW)
        wanted = {self.name_of(connection): self.expected(("sendto", None, 2 * FEW)) for connection in connections}
        self.assertEqual(self.told(), wanted)
        for connection in connections:
            connection.close()


if __name__ == "__main__":
    live.main()
