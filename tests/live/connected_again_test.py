"""A socket that is connected again after it failed: each connection's failure is its own, in either mode of errors."""
import ctypes
import os
import signal
import socket
import struct

import live
from live import LiveTest
from reset_peer import have_reset

UNSPECIFIED = struct.pack("H14x", socket.AF_UNSPEC)


def refuse(connection):
    """Connect it where nobody listens; the address."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = unheard.getsockname()
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            return address
    raise AssertionError("the connection was not refused")


def disconnect(connection):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(connection.fileno(), UNSPECIFIED, len(UNSPECIFIED)) != 0:
        raise AssertionError(os.strerror(ctypes.get_errno()))


class ConnectedAgain(LiveTest):
    def told_of(self, errors, *acts):
        """By the remote address: cause and errnos, of what was told of one socket's life; and what they must be."""
        tracer = self.trace("--json", "--errors", errors, "-p", os.getpid())
        wanted = []
        with socket.socket() as connection:
            for act in acts:
                address = act(connection)
                remote = "%s:%d" % address if address else None
                if act is refuse:
                    wanted.append((remote, "connection_refused", ["ECONNREFUSED"], 1))
                elif act is have_reset:
                    wanted.append((remote, "peer_abortive_close", ["ECONNRESET"], 1))
        self.stop(tracer, signal.SIGINT)
        told = []
        for incident in sorted(tracer.last_revisions(), key=lambda found: found["time"]):
            self.assert_valid(incident)
            told.append((incident["endpoint"]["remote"], incident["verdict"]["cause"],
                         [error["errno"] for error in incident["errors"]],
                         sum(error["count"] for error in incident["errors"])))
        self.assertEqual(told, wanted)

    def test_refused_twice_then_reset(self):
        for errors in ("exact", "inferred"):
            with self.subTest(errors=errors):
                self.told_of(errors, refuse, refuse, have_reset)

    def test_reset_twice(self):
        for errors in ("exact", "inferred"):
            with self.subTest(errors=errors):
                self.told_of(errors, have_reset, disconnect, have_reset, disconnect)


if __name__ == "__main__":
    live.main()
