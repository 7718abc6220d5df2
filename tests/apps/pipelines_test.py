"""dpkg-deb, shells and their pipelines: who let go of a pipe, whom that ended, and what the programs made of it."""
import os
import signal
import subprocess

from app_case import AppCase, main, wait_until

PACKAGE = """
mkdir -p /tmp/package/DEBIAN /tmp/package/usr/share/doc/large
cd /tmp/package
printf 'Package: large\\nVersion: 1\\nArchitecture: all\\nMaintainer: A <a@example.org>\\nDescription: x\\n' > DEBIAN/control
head -c 4000000 /dev/urandom | split -b 2000 -a 5 -d - usr/share/doc/large/a-file-with-a-long-name-
dpkg-deb -Zgzip -z1 --build /tmp/package /tmp/large.deb
"""
# It begins to read when dpkg-deb only waits for its parts, and so holds none of their pipes itself.
UNHURRIED_HEAD = """(until deb=$(pgrep -P $$ -x dpkg-deb) && [ "$(cat /proc/$deb/wchan)" = do_wait ]; do :; done
exec head {amount})"""
# It begins to write when the shell only waits for its parts: until then that may be the last to hold their pipes.
UNHURRIED = """(until [ "$(cat /proc/$$/wchan)" = do_wait ]; do :; done; exec {command})"""
# A program at the end of a pipeline that is killed when it runs.
KILLED = "(echo $BASHPID > /tmp/killed; exec {command}) &"
KILL = """until pid=$(cat /tmp/killed 2> /dev/null) && [ "$(cat /proc/$pid/comm)" = {command} ]; do :; done
kill -9 $pid; wait $!; echo $? > /case/status"""
# Prints a last line when nobody reads any more.
FLUSHED_AT_EXIT = """import select
print("first", flush=True)
output = select.poll()
output.register(1, 0)
output.poll()
print("second")"""
# Writes once for each line that it is sent. Python ignores SIGPIPE.
DAEMON = """
import os, sys
for line in sys.stdin:
    try:
        os.write(1, b"working\\n")
    except BrokenPipeError:
        print("log lost", file=sys.stderr, flush=True)
"""


class Pipelines(AppCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def told_of(self, script, shell="bash"):
        """Run a script under trace; what is told of its programs, oldest first. `self.status` is what the script
        wrote to /case/status, `self.said` what it and its programs printed."""
        program = self.machine.start(shell, "-c", f"read go\n{script}", stdin=subprocess.PIPE)
        tracer = self.start_tracing("-p", program.pid)
        program.type()
        program.wait(20)
        # Nobody waits for some of them: dpkg-deb goes when it hears of its first part's end.
        self.assertEqual(tracer.wait_end(20), 0, tracer.stderr())
        self.said = program.text()
        status = self.directory / "status"
        self.status = status.read_text().split() if status.exists() else None
        told = sorted(self.stop_tracing(), key=lambda incident: incident["time"])
        for incident in told:
            self.assert_valid(incident)
            self.assertEqual((incident["endpoint"]["kind"], incident["first_close"]), ("pipe", "peer"))
            self.assert_kernel_saw_sigpipe(incident)
        return told

    def of(self, told, comm, *, peer, cause, sigpipe="killed", action="killed", severity="benign", by=None):
        """The one incident of that program and that peer."""
        found = [incident for incident in told if incident["process"]["comm"] == comm
                 and (incident["peer"] or {}).get("comm") == peer]
        self.assertEqual(len(found), 1, self._told())
        incident = found[0]
        self.assert_verdict(incident, cause, severity=severity)
        self.assertEqual((incident["sigpipe"], incident["peer"]["action"]), (sigpipe, action))
        self.assertEqual(incident["caused_by"], by and by["id"], incident["verdict"]["summary"])
        self.assertLessEqual({error["errno"] for error in incident["errors"]}, {"EPIPE"})
        return incident

    def make_package(self):
        made = self.machine.run("sh", "-ec", PACKAGE)
        self.assertEqual(made.returncode, 0, made.stderr)

    # dpkg-deb: the message names a part of it that had no fault.

    def test_a_package_whose_contents_go_to_head(self):
        self.make_package()
        told = self.told_of("dpkg-deb -c /tmp/large.deb | " + UNHURRIED_HEAD.format(amount="-1")
                            + "; echo ${PIPESTATUS[@]} > /case/status")
        self.assertIn("dpkg-deb: error: tar subprocess was killed by signal (Broken pipe)", self.said)
        self.assertEqual(self.status, ["2", "0"])
        tar = self.of(told, "tar", peer="head", action="close", cause="pipe_reader_closed")
        unpacker = self.of(told, "dpkg-deb", peer="tar", cause="pipe_reader_died", by=tar)
        copier = self.of(told, "dpkg-deb", peer="dpkg-deb", cause="pipe_reader_died", by=unpacker)
        self.assert_peer(copier, unpacker["process"]["pid"])
        self.assertEqual(len(told), 3, "the dpkg-deb that complains met no broken pipe itself")
        for incident in (unpacker, copier):
            self.assertIn(f"It began with tar[{tar['process']['pid']}]: head[", incident["verdict"]["summary"])
            self.assertIn("Nothing went wrong here", incident["verdict"]["advice"])

    def test_a_package_whose_tar_file_goes_to_head(self):
        self.make_package()
        told = self.told_of("dpkg-deb --fsys-tarfile /tmp/large.deb | " + UNHURRIED_HEAD.format(amount="-c 1")
                            + "; echo ${PIPESTATUS[@]} > /case/status")
        self.assertIn("dpkg-deb: error: paste subprocess was killed by signal (Broken pipe)", self.said)
        self.assertEqual(self.status, ["2", "0"])
        unpacker = self.of(told, "dpkg-deb", peer="head", action="close", cause="pipe_reader_closed")
        paste = self.of(told, "dpkg-deb", peer="dpkg-deb", cause="pipe_reader_died", by=unpacker)
        self.assert_peer(paste, unpacker["process"]["pid"])
        self.assertEqual(len(told), 2)

    # Pipelines that end because their reader has enough.

    def test_a_status_of_141_under_pipefail(self):
        told = self.told_of("set -o pipefail; " + UNHURRIED.format(command="seq 1000000")
                            + " | grep -q 5; echo $? > /case/status")
        self.assertEqual(self.status, ["141"])
        seq = self.of(told, "seq", peer="grep", action="exit", cause="pipe_reader_closed")
        self.assert_advice(seq, "pipefail")
        self.assertEqual(len(told), 1)

    def test_xargs_whose_program_writes_to_head(self):
        told = self.told_of(UNHURRIED.format(command="find /usr -xdev")
                            + " | xargs -n 200 ls -d | head -1; echo ${PIPESTATUS[@]} > /case/status")
        self.assertIn("xargs: ls: terminated by signal 13", self.said)
        self.assertEqual(self.status, ["141", "125", "0"])
        self.of(told, "ls", peer="head", action="close", cause="pipe_reader_closed")
        self.of(told, "find", peer="xargs", action="close", cause="pipe_reader_closed")
        self.assertEqual(len(told), 2)

    def test_python_that_prints_to_a_closed_head(self):
        """It meets the broken pipe while it prints, or only when it flushes at its exit: another status."""
        printing, flushing = (UNHURRIED.format(command=f"python3 -c '{text}'") for text in (
            "for i in range(100000): print(i)", FLUSHED_AT_EXIT))
        told = self.told_of(f"{printing} | head -1; echo ${{PIPESTATUS[@]}} > /case/status\n"
                            f"{flushing} | head -1; echo ${{PIPESTATUS[@]}} >> /case/status")
        self.assertEqual(self.status, ["1", "0", "120", "0"])
        self.assertEqual(self.said.count("BrokenPipeError: [Errno 32] Broken pipe"), 2)
        self.assertIn("Exception ignored in: <_io.TextIOWrapper name='<stdout>'", self.said)
        self.assertEqual([incident["process"]["comm"] for incident in told], ["python3", "python3"])
        for incident in told:
            self.of([incident], "python3", peer="head", action="close", cause="pipe_reader_closed", sigpipe="ignored")
            self.assert_errors(incident, ("EPIPE", "write"))
            self.assertEqual(incident["endpoint"]["fd"], 1)

    def test_process_substitution_and_a_named_pipe(self):
        told = self.told_of("""
seq 1000000 | tee >(head -c 10 > /dev/null) > /dev/null; echo ${PIPESTATUS[@]} > /case/status
mkfifo /tmp/named
sed 1q < /tmp/named > /dev/null &
seq 100000 > /tmp/numbers
trap '' PIPE
cat /tmp/numbers > /tmp/named
echo $? >> /case/status; wait""")
        self.assertEqual(self.status, ["141", "141", "1"])
        self.assertIn("cat: write error: Broken pipe", self.said)
        tee = self.of(told, "tee", peer="head", action="close", cause="pipe_reader_closed")
        self.of(told, "seq", peer="tee", cause="pipe_reader_died", by=tee)
        self.of(told, "cat", peer="sed", action="exit", cause="pipe_reader_closed", sigpipe="ignored")
        self.assertEqual(len(told), 3)

    # Readers that failed, or were killed.

    def test_a_build_whose_last_stage_is_killed(self):
        told = self.told_of("tar c /usr/bin 2> /case/tar | gzip -1 | " + KILLED.format(command="sleep 100")
                            + "\n" + KILL.format(command="sleep"))
        self.assertEqual(self.status, ["137"])
        gzip = self.of(told, "gzip", peer="sleep", cause="pipe_reader_died", severity="fault")
        tar = self.of(told, "tar", peer="gzip", cause="pipe_reader_died", severity="fault", by=gzip)
        self.assertEqual(len(told), 2)
        self.assertRegex(tar["verdict"]["summary"], r"It began with gzip\[\d+\]: sleep\[\d+\] was killed by SIGKILL\.$")
        self.assert_advice(gzip, "handler of SIGPIPE")
        self.assert_advice(tar, "Look at what gzip")

    def test_an_unpacking_tar_that_is_killed(self):
        told = self.told_of("tar c /usr 2> /case/tar | " + KILLED.format(command="tar x -C /tmp") + "\n"
                            + KILL.format(command="tar"))
        self.assertEqual(self.status, ["137"])
        tar = self.of(told, "tar", peer="tar", cause="pipe_reader_died", severity="fault")
        self.assertNotEqual(tar["peer"]["pid"], tar["process"]["pid"])
        self.assertIn("SIGKILL", tar["verdict"]["summary"])
        self.assertEqual(len(told), 1)

    def test_mail_that_is_not_taken(self):
        """As cron's: the program that takes the output fails, and says so by its status alone."""
        told = self.told_of(UNHURRIED.format(command="sh -c 'while echo output; do :; done'")
                            + " | sh -c 'read first; exit 75'; echo ${PIPESTATUS[@]} > /case/status")
        self.assertEqual(self.status, ["141", "75"])
        writer = self.of(told, "sh", peer="sh", action="exit", cause="pipe_reader_closed")
        self.assertIn("with status 75", writer["verdict"]["summary"])
        self.assert_advice(writer, "status 75")

    # Daemons whose log goes through a pipe.

    def daemon(self, reader, *daemon):
        """A log's reader and its daemon, both older than the trace; the daemon writes a line for each it is sent."""
        read_end, write_end = os.pipe()
        log = self.machine.start(*reader, stdin=read_end, stdout=subprocess.DEVNULL)
        writer = self.machine.start(*daemon, stdin=subprocess.PIPE, stdout=write_end)
        os.close(read_end)
        os.close(write_end)
        return log, writer

    @staticmethod
    def send(daemon, lines):
        daemon.process.stdin.write(b"go\n" * lines)
        daemon.process.stdin.close()

    def test_a_daemon_whose_log_reader_is_killed(self):
        """One ignores SIGPIPE and goes on without its log; one is ended by its next line."""
        reader, deaf = self.daemon(["cat"], "python3", "-c", DAEMON)
        other_reader, mortal = self.daemon(["cat"], "sh", "-c", "while read line; do echo working; done")
        self.start_tracing()
        for program in (reader, other_reader):
            program.kill()
            program.wait()
        for program in (deaf, mortal):
            self.send(program, 3)
        self.assertEqual((deaf.wait(), mortal.wait()), (0, -signal.SIGPIPE))
        self.assertEqual(deaf.text().count("log lost"), 3)
        self.incident(pid=mortal.pid)
        self.stop_tracing()
        for program, log, sigpipe, count in ((deaf, reader, "ignored", 3), (mortal, other_reader, "killed", 1)):
            incident = self.incident(pid=program.pid)
            self.assert_verdict(incident, "pipe_reader_died", severity="fault")
            self.assert_errors(incident, ("EPIPE", "write"))
            self.assertEqual(incident["errors"][0]["count"], count)
            self.assertEqual(self.kernel.sigpipes().count(program.pid), count)
            self.assertEqual((incident["sigpipe"], incident["endpoint"]["fd"]), (sigpipe, 1))
            self.assert_peer(incident, log.pid, "killed")
            self.assertEqual(incident["peer"]["comm"], "cat")
            self.assertIn("SIGKILL", incident["verdict"]["summary"])
            self.assert_kernel_saw_sigpipe(incident)

    def test_a_log_reader_killed_behind_its_shell(self):
        """The shell is the last to hold the pipe; its status tells what became of the program that read."""
        reader, daemon = self.daemon(["sh", "-c", "cat; exit $?"], "python3", "-c", DAEMON)
        cat = int(wait_until(lambda: self.machine.run("pgrep", "-P", reader.pid, "cat").stdout, 10, "cat reads"))
        self.start_tracing()
        os.kill(cat, signal.SIGKILL)
        self.assertEqual(reader.wait(), 128 + signal.SIGKILL)
        self.send(daemon, 1)
        self.assertEqual(daemon.wait(), 0)
        incident = self.incident(pid=daemon.pid)
        self.assert_verdict(incident, "pipe_reader_closed", severity="benign")
        self.assert_peer(incident, reader.pid, "exit")
        self.assertIn("with status 137", incident["verdict"]["summary"])
        self.assert_advice(incident, "SIGKILL")
        self.assert_kernel_saw_sigpipe(incident)


if __name__ == "__main__":
    main()
