"""A program that fails, again and again, and keeps a log of it: for each failure that it was told of one line,
"MONOTONIC_NS LOCAL_PORT ERRNO", once the call has returned.

Usage: failing_load.py SECONDS PAUSE_SECONDS
"""
import errno
import socket
import sys
import time


def fail_once(listener):
    """A peer that closes with data unread: the next receive is told ECONNRESET."""
    client = socket.create_connection(listener.getsockname())
    peer, _ = listener.accept()
    port = client.getsockname()[1]
    client.sendall(b"never read")
    peer.close()
    try:
        client.recv(1)
        told = 0
    except OSError as error:
        told = error.errno
    print(time.monotonic_ns(), port, errno.errorcode.get(told, told), flush=True)
    client.close()


def main():
    seconds, pause = map(float, sys.argv[1:])
    end = time.monotonic() + seconds
    with socket.create_server(("127.0.0.1", 0)) as listener:
        while time.monotonic() < end:
            fail_once(listener)
            time.sleep(pause)


if __name__ == "__main__":
    main()
