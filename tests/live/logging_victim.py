"""A server whose client leaves: it writes on, meets EPIPE, and says so in its log. Usage: logging_victim.py LOG
[--delay SECONDS] [--once WORD]. For each word on stdin it fails once; "reopen" opens the log anew."""
import argparse
import logging
import os
import signal
import socket
import sys
import time


def meet_broken_pipe():
    """Send until the kernel says that the other end has gone; return the error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with server:
        client.close()
        for _ in range(1000):
            try:
                server.send(b"x")
            except OSError as error:
                return error
            time.sleep(0.001)
    raise AssertionError("the client's end was not noticed")


def open_log(path):
    handler = logging.FileHandler(path, delay=True)
    logging.basicConfig(handlers=[handler], format="%(message)s", force=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--once")
    options = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    open_log(options.log)

    def fail(word):
        error = meet_broken_pipe()
        time.sleep(options.delay)
        logging.error("%s sending to the client failed: %s", word, os.strerror(error.errno))

    if options.once:
        fail(options.once)
        os._exit(1)
    print("ready", flush=True)
    for word in sys.stdin:
        if word.strip() == "reopen":
            open_log(options.log)
            print("reopened", flush=True)
        else:
            fail(word.strip())
            print("failed", flush=True)


if __name__ == "__main__":
    main()
