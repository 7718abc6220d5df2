"""A victim under any name: writes to a pipe without a reader, and lives until its input ends.

Usage: named_victim.py NAME-IN-HEX
"""
import json
import os
import sys

with open("/proc/self/comm", "wb") as comm:
    comm.write(bytes.fromhex(sys.argv[1]))
reader, writer = os.pipe()
os.close(reader)
try:
    os.write(writer, b"lost")
except BrokenPipeError:
    print(json.dumps({"victim": {"pid": os.getpid()}}), flush=True)
sys.stdin.read()
