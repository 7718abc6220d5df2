"""The server of the classic broken pipe: accepts, receives once, closes, ends."""
import json
import os
import socket


def main():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(json.dumps({"pid": os.getpid(), "port": listener.getsockname()[1],
                          "comm": open("/proc/self/comm").read().strip()}), flush=True)
        listener.settimeout(60)
        connection, _ = listener.accept()
    connection.recv(1024)
    connection.close()


if __name__ == "__main__":
    main()
