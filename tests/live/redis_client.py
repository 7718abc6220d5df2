"""Pipelines big GETs, never reads, and closes as soon as replies lie unread. Usage: redis_client.py PORT"""
import array
import fcntl
import json
import os
import select
import socket
import sys
import termios

VALUE_SIZE = 1 << 20
GETS = 32


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def main():
    address = ("127.0.0.1", int(sys.argv[1]))
    with socket.create_connection(address, timeout=20) as setter:
        setter.sendall(command(b"SET", b"big", b"x" * VALUE_SIZE))
        if setter.recv(5) != b"+OK\r\n":
            sys.exit("SET failed")
    client = socket.create_connection(address, timeout=20)
    client.sendall(command(b"GET", b"big") * GETS)
    if not select.select([client], [], [], 20)[0]:
        sys.exit("no reply")
    unread = array.array("i", [0])
    fcntl.ioctl(client, termios.FIONREAD, unread)
    local = "%s:%d" % client.getsockname()
    client.close()
    print(json.dumps({"pid": os.getpid(), "comm": open("/proc/self/comm").read().strip(),
                      "local": local, "unread": unread[0]}))


if __name__ == "__main__":
    main()
