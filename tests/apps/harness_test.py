"""The ground that the cases stand on: hosts are apart, end whole, and the second source sees."""
import os
import subprocess
import sys
from pathlib import Path

from app_case import AppCase, main, wait_until
from host import connect

RESET_ON_CLOSE = """
import socket, struct
listener = socket.create_server(("0.0.0.0", 7000))
end, _ = listener.accept()
end.recv(1)
end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
end.close()
"""
WRITER = """
import socket, sys
end = socket.create_connection((sys.argv[1], 7000))
end.sendall(b"x")
try:
    end.recv(1)
except ConnectionResetError as error:
    sys.exit(error.errno)
"""
# A test that is killed in its midst: what it had made is told, process ids and the instance.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from host import Host
from kernel_events import KernelEvents
events = KernelEvents(sys.argv[3])
host = Host(Path(sys.argv[2]), sys.argv[3])
host.run("sh", "-c", "setsid sleep 1000 > /dev/null 2>&1 &")
print(events.name, host.pid, *host.processes(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Harness(AppCase):
    def test_a_reset_between_two_hosts(self):
        server, client = self.host("server"), self.host("client")
        connect(server, client)
        resetting = server.start("python3", "-c", RESET_ON_CLOSE)
        server.wait_listens(7000)
        self.start_tracing("--remote-port", "7000")
        writer = client.start("python3", "-c", WRITER, "10.79.0.1")
        self.assertEqual(writer.wait(), 104)
        incident = self.incident(pid=writer.pid)
        self.stop_tracing()
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, resetting.pid, "abort")
        self.assert_kernel_saw_reset(incident)
        self.assertEqual([sent[0] for sent in self.kernel.resets_sent() if 7000 in sent], [7000])

    def test_a_host_ends_with_all_that_ran_on_it(self):
        host = self.host("gone")
        started = host.run("sh", "-c", "for i in 1 2; do setsid sleep 1000 > /dev/null 2>&1 & done")
        self.assertEqual(started.returncode, 0, started.stderr)
        orphans = wait_until(lambda: len(host.processes()) == 2 and host.processes(), 5, "two orphans")
        host.close()
        self.assertEqual([pid for pid in orphans if os.path.exists(f"/proc/{pid}/root/etc")], [])

    def test_nothing_outlives_a_test_that_is_killed(self):
        away = self.directory / "away"
        away.mkdir()
        killed = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", "-c", KILLED,
             Path(__file__).resolve().parent, self.tree, away],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(killed.returncode, -9, killed.stderr)
        instance, *pids = killed.stdout.split()
        self.assertEqual(len(pids), 2)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}/root/etc") for pid in pids), 5, f"{pids} end")
        wait_until(lambda: instance not in self.kernel.instances(), 5, f"{instance} is removed")

    def test_a_host_has_its_own_network_and_disk(self):
        one, other = self.host("one"), self.host("other")
        self.assertEqual(one.run("sh", "-c", "hostname; echo mine > /etc/mine; ls /sys/class/net").stdout, "one\nlo\n")
        self.assertEqual(other.run("cat", "/etc/mine").returncode, 1)
        self.assertFalse((self.tree / "etc/mine").exists())
        self.assertTrue(one.path("/case").samefile(self.directory))
        self.assertEqual(one.run("id", "-un", user="postgres").stdout, "postgres\n")


if __name__ == "__main__":
    main()
