"""git and rsync over ssh, whose other end is killed in mid-transfer: a chain of programs goes with it.

Who takes git's data is stopped first, so that its writer waits, whatever the machine's speed."""
import os
import re
import signal

from app_case import AppCase, main, wait_until
from host import connect
from openssh import OPTIONS, Sshd, command_line, kill

SERVER = "10.79.0.1"
MEGABYTES = 32
IDENTITY = ("-c", "user.name=tester", "-c", "user.email=tester@localhost", "-c", "core.compression=0")


class GitAndRsync(AppCase):
    def setUp(self):
        super().setUp()
        self.server, self.client = self.host("server"), self.host("client")
        connect(self.server, self.client)
        self.sshd = Sshd(self.server)
        # git gives its ssh no options of ours without a shell in between.
        words = zip(OPTIONS[2::2], OPTIONS[3::2])
        lines = [value.replace("=", " ", 1) if option == "-o" else f"IdentityFile {value}" for option, value in words]
        directory = self.client.path("/root/.ssh")
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / "config").write_text("\n".join([*lines, ""]))

    def git(self, host, *arguments):
        done = host.run("git", *IDENTITY, *arguments, directory="/root")
        self.assertEqual(done.returncode, 0, done.stderr)

    def repository(self, host):
        """One commit of data that does not compress."""
        self.git(host, "init", "-q", "-b", "main", "work")
        done = host.run("sh", "-c", f"head -c {MEGABYTES}M /dev/urandom > work/data", directory="/root")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.git(host, "-C", "work", "add", "data")
        self.git(host, "-C", "work", "commit", "-q", "-m", "data")

    def process(self, host, pattern):
        def found():
            return [pid for pid in host.processes() if re.search(pattern, command_line(pid))]
        return wait_until(found, 10, f"a process like {pattern!r}")[0]

    @staticmethod
    def wait_blocked(pid):
        """Until it waits for whoever reads what it writes."""
        def waits():
            with open(f"/proc/{pid}/wchan", encoding="ascii") as channel:
                return "pipe_write" in channel.read()
        wait_until(waits, 10, f"process {pid} waits for its reader")

    def ssh_of(self, host):
        return self.process(host, "^(/usr/bin/)?ssh ")

    def assert_killed_server(self, incident, session):
        self.assert_verdict(incident, "peer_process_died")
        self.assert_peer(incident, session, "killed")
        self.assert_kernel_saw_reset(incident)

    def test_push_whose_server_process_was_killed(self):
        self.repository(self.client)
        self.git(self.server, "init", "-q", "--bare", "/root/bare.git")
        self.start_tracing()
        push = self.client.start("git", "push", "-q", f"root@{SERVER}:bare.git", "HEAD:main", directory="/root/work")
        taker = self.process(self.server, "(unpack-objects|index-pack)")
        os.kill(taker, signal.SIGSTOP)
        packer, ssh = self.process(self.client, "pack-objects"), self.ssh_of(self.client)
        session = self.process(self.server, "^sshd: root@notty")
        self.wait_blocked(packer)
        kill(session)
        self.assertEqual(push.wait(20), 128)
        self.assertIn("the remote end hung up unexpectedly", push.text())
        cause = self.incident(pid=ssh)
        self.assert_killed_server(cause, session)
        packing = self.incident(pid=packer)
        self.assert_verdict(packing, "pipe_reader_closed")
        self.assertEqual((packing["sigpipe"], packing["caused_by"]), ("killed", cause["id"]), packing["verdict"])
        self.assert_peer(packing, ssh, "exit")
        self.assertIn(f"sshd[{session}] was killed by SIGKILL", packing["verdict"]["summary"])
        self.assert_kernel_saw_sigpipe(packing)
        self.stop_tracing()
        self.assertEqual(len(self.incidents(ssh, packer, push.pid, session)), 2)

    def test_clone_whose_server_process_was_killed(self):
        self.repository(self.server)
        self.start_tracing()
        clone = self.client.start("git", "clone", "-q", f"root@{SERVER}:work", "/root/copy", directory="/root")
        taker = self.process(self.client, "index-pack")
        os.kill(taker, signal.SIGSTOP)
        ssh = self.ssh_of(self.client)
        session = self.process(self.server, "^sshd: root@notty")
        upload, packer = self.process(self.server, "^git-upload-pack"), self.process(self.server, "pack-objects")
        self.wait_blocked(packer)
        kill(session)
        os.kill(taker, signal.SIGCONT)
        self.assertEqual(clone.wait(20), 128)
        self.assertIn("early EOF", clone.text())
        uploading = self.incident(pid=upload)
        self.assert_verdict(uploading, "pipe_reader_died")
        self.assert_peer(uploading, session, "killed")
        self.assert_kernel_saw_sigpipe(uploading)
        self.assert_killed_server(self.incident(pid=ssh), session)
        self.stop_tracing()
        # upload-pack passes its signal on to it: often before its own write can fail.
        for packing in self.incidents(packer):
            self.assert_verdict(packing, "pipe_reader_died")
            self.assert_peer(packing, upload, "killed")
            self.assertEqual(packing["caused_by"], uploading["id"], packing["verdict"])
            self.assert_advice(packing, f"Look at what git-upload-pack[{upload}] met")
        self.assertEqual(len(self.incidents(ssh, upload, session, clone.pid)), 2)

    def rsync(self):
        """(rsync that sends, its ssh, the server's process, the receiver) in mid-transfer, which takes a while."""
        with open(self.client.path("/root/data"), "wb") as data:
            data.truncate(1 << 32)
        self.start_tracing()
        sender = self.client.start("rsync", "data", f"root@{SERVER}:copy", directory="/root")
        receiver = self.process(self.server, "^rsync --server")
        session = self.process(self.server, "^sshd: root@notty")
        wait_until(lambda: any(part.stat().st_size > 1 << 22 for part in self.server.path("/root").glob(".copy.*")), 10,
                   "data arrives")
        return sender, self.ssh_of(self.client), session, receiver

    def assert_sender_failed(self, sender, ssh):
        self.assertNotEqual(sender.wait(20), 0)
        self.assertIn("Broken pipe (32)", sender.text())
        incident = self.incident(pid=sender.pid, kind="unix")
        self.assertIn(incident["verdict"]["cause"], ("unix_peer_unread_data", "unix_peer_closed"))
        self.assertEqual(incident["errors"][-1]["errno"], "EPIPE")
        self.assert_peer(incident, ssh, "exit")
        self.assert_kernel_saw_sigpipe(incident)
        return incident

    def test_rsync_whose_server_process_was_killed(self):
        sender, ssh, session, _ = self.rsync()
        kill(session)
        incident = self.assert_sender_failed(sender, ssh)
        cause = self.incident(pid=ssh)
        self.assert_killed_server(cause, session)
        self.assertEqual(incident["caused_by"], cause["id"], incident["verdict"])
        self.stop_tracing()
        self.assertEqual(len(self.incidents(sender.pid, ssh, session)), 2)

    def test_rsync_whose_receiver_was_killed(self):
        """ssh ends in order: nothing was reset."""
        sender, ssh, session, receiver = self.rsync()
        kill(receiver)
        incident = self.assert_sender_failed(sender, ssh)
        self.assertIsNone(incident["caused_by"])
        self.stop_tracing()
        self.assertEqual([found["endpoint"]["kind"] for found in self.incidents(sender.pid, ssh)], ["unix"])


if __name__ == "__main__":
    main()
