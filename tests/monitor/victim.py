"""A program that writes to a peer that has closed, is told EPIPE, and lives on until its stdin ends."""
import os
import signal
import socket
import sys

signal.signal(signal.SIGPIPE, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", 0))
writer = socket.create_connection(listener.getsockname())
reader, _ = listener.accept()
reader.close()
while True:
    try:
        writer.send(b"x")
    except BrokenPipeError:
        break
    except ConnectionResetError:
        continue
print(os.getpid(), flush=True)
sys.stdin.read()
