"""The client of the classic broken pipe: sends, sleeps, sends, sends: BrokenPipeError.

Prints its pid first and what it was told last. With --hold the pause lasts until a byte
comes on stdin, so that a tracer can be started in it.
"""
import errno
import json
import os
import signal
import socket
import sys
import time


def actor():
    pid = os.getpid()
    return {"pid": pid, "tid": pid, "comm": open("/proc/self/comm").read().strip()}


def name(address):
    return f"{address[0]}:{address[1]}"


def tell(facts):
    print(json.dumps(facts), flush=True)


def main():
    port, hold = int(sys.argv[1]), "--hold" in sys.argv[2:]
    connection = socket.create_connection(("127.0.0.1", port))
    truth = {"program": "python", "victim": actor(), "local": name(connection.getsockname()),
             "remote": name(connection.getpeername()), "errors": [], "fatal": None, "unread": None,
             "sigpipe": "ignored" if signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN else "killed"}
    begin = time.monotonic()
    connection.send(b"hello")
    tell({"ready": True, **truth})
    pause_begin = time.monotonic()
    time.sleep(1)
    if hold:
        os.read(0, 1)
    pause_end = time.monotonic()
    connection.send(b"again")
    truth["idle_min_us"] = int((pause_end - pause_begin) * 1e6)
    truth["idle_max_us"] = int((time.monotonic() - begin) * 1e6)
    time.sleep(0.1)
    try:
        connection.send(b"third")
    except OSError as error:
        truth["errors"].append({"errno": errno.errorcode[error.errno], "syscall": "sendto", "bytes": 5,
                                "fd": connection.fileno(), "tid": os.getpid(), "count": 1})
    tell(truth)


if __name__ == "__main__":
    main()
