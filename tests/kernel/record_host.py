"""One host of two: records itself while its part of the remote cases is played.

In the VM, where the cases are in /tests/cases. Without CASES it plays the peer of the other
host's. Leaves in /results: recording.db, and MODE.json with what the programs and the tracer said.
Usage: record_host.py MODE PEER_ADDRESS [CASES...]
"""
import json
import shutil
import subprocess
import sys
from dataclasses import replace

sys.path.insert(0, "/tests/cases")

import actors
from remote_cases import REMOTE_BY_NAME
from tracer import Tracer

RECORDING = "/tmp/recording.db"
PEER_SECONDS = 300
# Less than the silence of the cases that have one, more than any other's.
IDLE_SECONDS = 1


def play(names, address):
    """The victims' truths by the case's name; "failure" where the program did not play its part."""
    told = {}
    for name in names:
        case = REMOTE_BY_NAME[name]
        case = replace(case, arguments=(*case.arguments, "--host", address))
        try:
            told[name] = actors.start(case, "/provokers").finish()
        except actors.Failed as error:
            told[name] = {"failure": str(error)}
    return told


def main():
    mode, address, *names = sys.argv[1:]
    document = {}
    with Tracer(["/bin/pipetrace", "record", "-o", RECORDING, "--mode", mode, "--idle-after", IDLE_SECONDS]) as tracer:
        if not tracer.wait_ready():
            sys.exit("record is not ready: " + tracer.stderr())
        if names:
            document["cases"] = play(names, address)
            # The peers are to end, and their recording with them.
            subprocess.run(["nc", "-w", "5", address, "7000"], input="end - 0\n", text=True, timeout=30, check=False)
        else:
            subprocess.run([sys.executable, "/extra/remote_peer.py", address], timeout=PEER_SECONDS, check=True)
        document["exit_status"], _ = tracer.stop()
        document["stderr"] = tracer.stderr()
    shutil.copy(RECORDING, "/results/recording.db")
    with open(f"/results/{mode}.json", "w", encoding="utf-8") as out:
        json.dump(document, out)


if __name__ == "__main__":
    main()
