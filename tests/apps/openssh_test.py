"""OpenSSH: "client_loop: send disconnect: Broken pipe" and its relatives, seen from both ends."""
import os
import signal
import subprocess

from app_case import AppCase, main, wait_until
from host import connect
from openssh import OPTIONS, SERVER_PORT, Session, Sshd, ended, kill, local_port, queues

SERVER, CLIENT = "10.79.0.1", "10.79.0.2"
DROPPED_BY_LINK = ("ip", "link", "set", "eth0", "down")
LINK_AGAIN = ("ip", "link", "set", "eth0", "up")
# By whether data or the FIN comes through first once the link is up again.
AFTER_OUTAGE = {"ESTABLISHED": [("ECONNRESET", "read"), ("EPIPE", "write")], "CLOSE_WAIT": [("EPIPE", "write")]}
# Leaves at the moment that its first argument names.
SCANNER = """
import socket, struct, sys
moment, address = sys.argv[1:]
end = socket.create_connection((address, 22))
reader = end.makefile("rb", buffering=0)
def reset():
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader.close()
    end.close()
if moment == "at once":
    reset()
elif moment == "after the banner":
    reader.readline()
    print("there", flush=True)
    sys.stdin.readline()
    reset()
elif moment == "with the banner unread":
    end.recv(1, socket.MSG_PEEK)
    print("there", flush=True)
    sys.stdin.readline()
    sys.exit()
elif moment == "with its keys unread":
    end.sendall(b"SSH-2.0-scanner\\r\\n")
    reader.readline()
    print("there", flush=True)
    sys.stdin.readline()
    sys.exit()
"""
LOCAL_CLIENT = """
import socket, sys
end = socket.create_connection(("127.0.0.1", 9000))
end.sendall(b"go")
print("asked", flush=True)
sys.stdin.read()
"""
LOCAL_SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 8000))
end, _ = listener.accept()
end.recv(2)
try:
    while True:
        end.sendall(bytes(65536))
except OSError as error:
    print(error, flush=True)
"""


class OpenSsh(AppCase):
    def setUp(self):
        super().setUp()
        self.server, self.client = self.host("server"), self.host("client")
        self.sshd = None

    def begin(self, *configuration, filters=()):
        connect(self.server, self.client)
        self.sshd = Sshd(self.server, *configuration)
        self.start_tracing(*filters)

    def session(self, command="cat", options=()):
        session = Session(self.client, self.sshd, SERVER, command, options)
        session.echo()
        return session

    def end_of(self, *pids):
        """Of these processes nothing else may be told."""
        self.stop_tracing()
        return self.incidents(*pids)

    # --- the server's end vanishes ---

    def test_idle_session_process_killed(self):
        self.begin()
        ssh = self.session()
        session = ssh.server_process()
        kill(session)
        self.assertEqual(ssh.program.wait(), 255)
        self.assertIn("closed by remote host", ssh.program.text())
        incident = self.incident(pid=ssh.pid)
        # It had read the end; its goodbye drew the RST, of which it hears no more.
        self.assert_verdict(incident, "peer_process_died")
        self.assert_errors(incident)
        self.assert_peer(incident, session, "killed")
        self.assertEqual((incident["first_close"], incident["sigpipe"]), ("peer", "none"))
        self.assertIn("No program was told", incident["verdict"]["summary"])
        self.assert_kernel_saw_reset(incident)
        self.assertEqual(len(self.end_of(ssh.pid, session, self.sshd.pid)), 1)

    def test_session_process_killed_in_an_outage(self):
        self.begin()
        ssh = self.session()
        session = ssh.server_process()
        port = local_port(self.client, SERVER_PORT)
        self.assertEqual(self.server.run(*DROPPED_BY_LINK).returncode, 0)
        kill(session)
        self.assertTrue(ssh.say(b"typed\n"))
        wait_until(lambda: queues(self.client, remote_port=SERVER_PORT)[0] > 0, 10, "what was typed has left")
        # Whether ssh looks before the RST comes is a matter of luck; here it does not.
        os.kill(ssh.pid, signal.SIGSTOP)
        self.assertEqual(self.server.run(*LINK_AGAIN).returncode, 0)
        wait_until(lambda: (port, SERVER_PORT) in self.kernel.resets_received(), 20, "the RST")
        os.kill(ssh.pid, signal.SIGCONT)
        self.assertEqual(ssh.program.wait(20), 255)
        self.assertIn("client_loop: send disconnect: Broken pipe", ssh.program.text())
        incident = self.incident(pid=ssh.pid)
        self.assert_verdict(incident, "peer_process_died")
        self.assert_errors(incident, *AFTER_OUTAGE[incident["rst"]["state"]])
        self.assert_peer(incident, session, "killed")
        self.assertEqual((incident["first_close"], incident["sigpipe"]), ("peer", "ignored"))
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assertEqual(len(self.end_of(ssh.pid, session, self.sshd.pid)), 1)

    def test_tar_loses_ssh_whose_server_was_killed(self):
        self.begin()
        script = " ".join(["head -c 200M /dev/zero > big; tar cf - big | ssh", *OPTIONS, f"root@{SERVER}", "'cat >/dev/null';",
                           "echo ${PIPESTATUS[@]}"])
        pipeline = self.client.start("bash", "-c", script, directory="/root")
        session = self.sshd.wait_process("^sshd: root@notty")
        self.sshd.wait_process("^cat")
        os.kill(session, signal.SIGSTOP)
        wait_until(lambda: queues(self.server, local_port=SERVER_PORT)[1] > 0, 10, "unread bytes at the server")
        pids = {name: pid for pid, name in self.client.processes().items()}
        kill(session)
        self.assertEqual(pipeline.wait(20), 0)
        self.assertIn("141 255", pipeline.text())
        # The second where a write, of which there are many, took the reset.
        self.assertRegex(pipeline.text(), f"client_loop: send disconnect: Broken pipe|Connection reset by {SERVER}")
        died = self.incident(pid=pids["ssh"])
        self.assert_verdict(died, "peer_process_died")
        self.assert_peer(died, session, "killed")
        tar = self.incident(pid=pids["tar"])
        self.assert_verdict(tar, "pipe_reader_closed")
        self.assertEqual((tar["sigpipe"], tar["caused_by"]), ("killed", died["id"]))
        self.assert_peer(tar, died["process"]["pid"], "exit")
        self.assertIn(f"sshd[{session}] was killed by SIGKILL", tar["verdict"]["summary"])
        self.assert_kernel_saw_sigpipe(tar)
        self.assertEqual(len(self.end_of(died["process"]["pid"], tar["process"]["pid"], session)), 2)

    # --- what stands between ---

    def test_nat_forgot_an_idle_connection(self):
        """A NAT in user space: its RST is no kernel's. Restarted, it knows no connection any more."""
        self.assertEqual(self.server.run("ip", "address", "add", "10.79.9.1/32", "dev", "lo").returncode, 0)
        self.sshd = Sshd(self.server)
        nat = self._start_nat(1)
        self.start_tracing("--idle-after", "1")
        ssh = Session(self.client, self.sshd, "10.79.9.1")
        ssh.echo()
        seconds_idle = wait_until(lambda: (idle := self._idle_seconds()) > 1.2 and idle, 10, "silence")
        nat.kill()
        nat.wait()
        self._start_nat(2)
        self.assertTrue(ssh.say())
        self.assertEqual(ssh.program.wait(), 255)
        self.assertIn("client_loop: send disconnect: Broken pipe", ssh.program.text())
        incident = self.incident(pid=ssh.pid)
        self.assert_verdict(incident, "idle_connection_reset", "likely")
        self.assert_errors(incident, ("ECONNRESET", "read"), ("EPIPE", "write"))
        self.assertIsNone(incident["peer"])
        self.assert_advice(incident, "ssh: look at `ServerAliveInterval`")
        self.assertGreater(incident["endpoint"]["idle_us"], seconds_idle * 1e6)
        self.assert_kernel_saw_reset(incident)
        self.assertEqual(len(self.end_of(ssh.pid)), 1)
        # The second source of where it came from: no kernel here sent it.
        port = int(incident["endpoint"]["local"].rsplit(":", 1)[1])
        self.assertEqual([sent for sent in self.kernel.resets_sent() if port in sent[:2]], [])

    def _start_nat(self, number):
        nat = self.server.start("slirp4netns", "--configure", "--ready-fd=1", self.client.pid, "tap0",
                                stdout=subprocess.PIPE, log=f"nat-{number}.log")
        self.assertEqual(nat.process.stdout.read(1), b"1", nat.text())
        return nat

    def _idle_seconds(self):
        """Since ssh's connection last sent or received anything, an acknowledgement too."""
        told = self.client.run("ss", "-tin", "dport", f"= :{SERVER_PORT}").stdout
        words = dict(word.split(":", 1) for word in told.split() if word.startswith("last"))
        # ss leaves out what is 0.
        return min(int(words.get(name, 0)) for name in ("lastsnd", "lastrcv", "lastack")) / 1000

    def test_router_rejects_an_idle_connection(self):
        router = self.host("router")
        connect(router, self.server, "10.79.1", "outer")
        connect(router, self.client, "10.79.2", "inner")
        for host, gateway in ((self.server, "10.79.1.1"), (self.client, "10.79.2.1")):
            self.assertEqual(host.run("ip", "route", "add", "default", "via", gateway).returncode, 0)
        subprocess.run(["nsenter", f"--target={router.pid}", "--net", "sysctl", "-qw", "net.ipv4.ip_forward=1"],
                       check=True, timeout=10)
        self.sshd = Sshd(self.server)
        self.start_tracing("--idle-after", "1")
        ssh = Session(self.client, self.sshd, "10.79.1.2")
        ssh.echo()
        wait_until(lambda: self._idle_seconds() > 1.2, 10, "silence")
        rules = ("add table ip guard; add chain ip guard forward { type filter hook forward priority 0; }; "
                 f"add rule ip guard forward tcp dport {SERVER_PORT} reject with tcp reset")
        done = router.run("nft", rules)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(ssh.say())
        self.assertEqual(ssh.program.wait(), 255)
        incident = self.incident(pid=ssh.pid)
        self.assert_verdict(incident, "firewall_reset")
        self.assert_errors(incident, ("ECONNRESET", "read"), ("EPIPE", "write"))
        self.assert_kernel_saw_reset(incident)
        self.assertEqual(len(self.end_of(ssh.pid)), 1)

    # --- sshd meets it ---

    def scan(self, moment):
        """(the scanner's pid, the server's process for it); the scanner has left at that moment."""
        self.begin("LogLevel DEBUG1")
        scanner = self.client.start("python3", "-c", SCANNER, moment, SERVER, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
        scanned = None
        if moment != "at once":
            self.assertEqual(scanner.process.stdout.readline(), b"there\n", scanner.text())
            scanned = wait_until(self.sshd.children, 10, "the server's process for it")[0]
            if moment == "with its keys unread":
                self.sshd.wait_log("SSH2_MSG_KEXINIT sent")
                scanned = wait_until(lambda: self.sshd.of(scanned), 10, "its part without rights")[0]
                wait_until(lambda: queues(self.client, remote_port=SERVER_PORT)[1] > 500, 10, "its keys")
            scanner.type()
        self.assertEqual(scanner.wait(), 0)
        return scanner.pid, scanned

    def assert_scanned(self, moment, log, cause, action):
        scanner, scanned = self.scan(moment)
        self.sshd.wait_log(log)
        incident = self.incident(pid=scanned)
        self.assert_verdict(incident, cause)
        self.assert_errors(incident, ("ECONNRESET", "read"))
        self.assert_peer(incident, scanner, action)
        self.assertEqual((incident["first_close"], incident["sigpipe"]), ("peer", "none"))
        self.assert_advice(incident, "sshd: look at `MaxStartups`")
        self.assert_kernel_saw_reset(incident)
        self.assertEqual(len(self.end_of(scanner, scanned, self.sshd.pid)), 1)
        return incident

    def test_scanner_resets_after_the_banner(self):
        self.assert_scanned("after the banner", "kex_exchange_identification: read: Connection reset by peer",
                            "peer_abortive_close", "abort")

    def test_scanner_leaves_the_banner_unread(self):
        self.assert_scanned("with the banner unread", "kex_exchange_identification: read: Connection reset by peer",
                            "peer_closed_unread_data", "close")

    def test_scanner_leaves_the_key_exchange_unread(self):
        incident = self.assert_scanned("with its keys unread", f"Connection reset by {CLIENT}", "peer_closed_unread_data",
                                       "close")
        self.assertGreater(incident["peer"]["unread_bytes"], 500)
        self.assertNotEqual(incident["process"]["uid"], 0)

    def test_scanner_resets_at_once(self):
        scanner, _ = self.scan("at once")
        incident = self.incident(comm="sshd", netns=os.stat(f"/proc/{self.server.pid}/ns/net").st_ino)
        self.assert_verdict(incident, "peer_abortive_close", severity="benign")
        self.assert_errors(incident)
        self.assert_peer(incident, scanner, "abort")
        self.assert_kernel_saw_reset(incident)
        self.stop_tracing()

    def test_max_startups(self):
        """sshd says why and closes at once; whether it had read the client's banner makes FIN or RST."""
        self.begin("MaxStartups 1:100:1", "LoginGraceTime 60")
        first = self.client.start("ncat", SERVER, SERVER_PORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertIn(b"SSH-2.0", first.process.stdout.readline())
        for _ in range(3):
            refused = self.client.start("ssh", *OPTIONS, f"root@{SERVER}", "true")
            self.assertEqual(refused.wait(), 255)
            self.assertIn("kex_exchange_identification:", refused.text())
            incident = self.incident(pid=refused.pid)
            read = incident["errors"] != []
            self.assertEqual("Connection reset" in refused.text(), read, refused.text())
            by_fin = () if read else ("write_after_peer_close", "close_race")
            self.assertIn(incident["verdict"]["cause"], ("peer_closed_unread_data", *by_fin))
            self.assertEqual(incident["verdict"]["confidence"], "certain")
            self.assert_peer(incident, self.sshd.pid, "close")
            self.assert_advice(incident, "sshd at the other end: look at its `MaxStartups`", "drop connection")
            self.assert_kernel_saw_reset(incident)
        self.assertEqual(self.sshd.program.text().count("past MaxStartups"), 3, self.sshd.program.text())
        self.stop_tracing()

    def test_stopped_client_killed(self):
        """Its terminal is stopped, then gone: what the server had sent lies unread."""
        self.begin()
        wait = "echo hello; until [ -e /case/go ]; do sleep 0.01; done; exec cat /dev/zero"
        ssh = Session(self.client, self.sshd, SERVER, wait)
        self.assertEqual(ssh.program.process.stdout.readline(), b"hello\n")
        session = ssh.server_process()
        os.kill(ssh.pid, signal.SIGSTOP)
        (self.directory / "go").touch()
        wait_until(lambda: queues(self.client, remote_port=SERVER_PORT)[1] > 100_000, 10, "unread bytes at the client")
        cat = self.sshd.wait_process("^cat")
        self.kill_child(ssh)
        incident = self.incident(pid=session)
        self.assert_verdict(incident, "peer_process_died")
        self.assert_peer(incident, ssh.pid, "killed")
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assert_kernel_saw_reset(incident)
        lost = self.incident(pid=cat)
        self.assert_verdict(lost, "pipe_reader_closed")
        self.assertEqual(lost["caused_by"], incident["id"])
        self.assertEqual(len(self.end_of(session, cat, self.sshd.pid)), 2)

    def kill_child(self, session):
        session.program.kill()
        self.assertEqual(session.program.wait(), -signal.SIGKILL)

    def test_client_gave_up_in_an_outage(self):
        self.begin()
        ssh = self.session(options=("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"))
        session = ssh.server_process()
        self.assertEqual(self.server.run(*DROPPED_BY_LINK).returncode, 0)
        self.assertEqual(ssh.program.wait(15), 255)
        self.assertIn("not responding", ssh.program.text())
        self.assertEqual(self.server.run(*LINK_AGAIN).returncode, 0)
        wait_until(lambda: ended(session), 20, "its process has ended")
        incident = self.incident(pid=session)
        self.assertIn(incident["verdict"]["cause"], ("write_after_peer_close", "close_race"))
        self.assert_peer(incident, ssh.pid, "exit")
        self.assertEqual(incident["first_close"], "peer")
        self.assert_kernel_saw_reset(incident)
        self.stop_tracing()

    def test_forwarded_client_leaves(self):
        self.begin()
        web = self.server.start("python3", "-c", LOCAL_SERVER)
        self.server.wait_listens(8000)
        ssh = self.session(options=("-L", "9000:127.0.0.1:8000"))
        session = ssh.server_process()
        local = self.client.start("python3", "-c", LOCAL_CLIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(local.process.stdout.readline(), b"asked\n")
        wait_until(lambda: queues(self.client, remote_port=9000)[1] > 100_000, 10, "unread bytes at the local client")
        local.process.stdin.close()
        self.assertEqual(local.wait(), 0)
        at_client = self.incident(pid=ssh.pid)
        self.assert_verdict(at_client, "peer_closed_unread_data")
        self.assert_peer(at_client, local.pid, "close")
        web.wait_log("Errno")
        at_server = self.incident(pid=web.pid)
        self.assert_verdict(at_server, "peer_closed_unread_data")
        self.assert_peer(at_server, session, "close")
        self.assert_kernel_saw_reset(at_server)
        self.assertTrue(ssh.say(b"end\n"))
        self.assertEqual(ssh.program.process.stdout.readline(), b"end\n")
        self.assertEqual(len(self.end_of(ssh.pid, session, web.pid, local.pid)), 2)


if __name__ == "__main__":
    main()
