"""`pipetrace run`: the command behaves exactly as without it, and its status is pipetrace's."""
import json
import os
import signal
import subprocess

import live
from live import PIPETRACE, PROVOKERS, LiveTest, run

# What a program can see of how it was started. grep looks at itself, for a shell clears its mask.
STATUS = ["grep", "-E", "^(Sig(Ign|Blk|Pnd)|Umask|NoNewPrivs|Seccomp|Cap|Uid|Gid|Groups|TracerPid)",
          "/proc/self/status"]
SNAPSHOT = """
for fd in /proc/$$/fd/*; do echo "${fd##*/}"; readlink "$fd"; done
pwd; ulimit -a; env | sort; cat /proc/$$/oom_score_adj; cut -d ' ' -f 18,19 /proc/$$/stat
"""
YES_HEAD = "yes | head -1"


class Status(LiveTest):
    def test_that_of_the_command(self):
        self.assert_status(0, run("run", "--", "true"))
        self.assert_status(7, run("run", "--", "sh", "-c", "exit 7"))

    def test_128_and_the_signal(self):
        self.assert_status(128 + signal.SIGTERM, run("run", "--", "sh", "-c", "kill -TERM $$"))

    def test_126_not_executable(self):
        plain = self.directory / "plain"
        plain.write_text("no program")
        done = run("run", "--", plain)
        self.assert_status(126, done)
        self.assertIn(str(plain), done.stderr)

    def test_127_not_found(self):
        done = run("run", "--", "no-such-program-anywhere")
        self.assert_status(127, done)
        self.assertIn("no-such-program-anywhere", done.stderr)

    def test_125_pipetrace_failed(self):
        witness = self.directory / "ran"
        done = run("run", "--", "touch", witness, prefix=live.as_nobody(),
                   program=self.program_for_all(PIPETRACE))
        self.assert_status(125, done)
        self.assertIn("root", done.stderr)
        self.assertFalse(witness.exists(), "the command was run although tracing failed")

    def test_2_without_a_command(self):
        self.assert_status(2, run("run"))


class YesHead(LiveTest):
    def test_output_and_status_are_those_of_the_untraced_command(self):
        plain = subprocess.run(["sh", "-c", YES_HEAD], capture_output=True, text=True, check=False)
        traced = run("run", "--", "sh", "-c", YES_HEAD)
        self.assertEqual((traced.stdout, traced.returncode), (plain.stdout, plain.returncode))
        self.assertEqual(plain.stdout, "y\n")
        self.assertIn("pipe_reader_closed", traced.stderr)

    def test_the_incident(self):
        out = self.directory / "incidents"
        self.assert_status(0, run("run", "--json", "-o", out, "--", "sh", "-c", YES_HEAD))
        incidents = [json.loads(line) for line in out.read_text().splitlines()]
        last = list({incident["id"]: incident for incident in incidents}.values())
        self.assertEqual([incident["process"]["comm"] for incident in last], ["yes"])
        self.assert_valid(last[0])
        self.assertEqual(last[0]["verdict"]["cause"], "pipe_reader_closed")
        self.assertEqual(last[0]["verdict"]["severity"], "benign")
        self.assertEqual(last[0]["sigpipe"], "killed")
        self.assertEqual(last[0]["endpoint"]["kind"], "pipe")
        self.assertEqual(last[0]["peer"]["comm"], "head")


class Unchanged(LiveTest):
    def snapshot(self, *command):
        """What a command says of itself, started by a caller with a mask and dispositions of its own."""
        out, err = self.directory / "out", self.directory / "err"

        def unusual_caller():
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGWINCH})
            os.umask(0o027)

        extra = os.open("/dev/zero", os.O_RDONLY)
        try:
            with open(out, "w") as stdout, open(err, "w") as stderr:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                                      pass_fds=(extra,), check=False, preexec_fn=unusual_caller,
                                      cwd=self.directory, restore_signals=False,
                                      timeout=live.COMMAND_SECONDS)
        finally:
            os.close(extra)
        self.assertEqual(done.returncode, 0, err.read_text())
        return out.read_text()

    def test_signals_and_rights(self):
        plain = self.snapshot(*STATUS)
        self.assertRegex(plain, r"SigBlk:\s+0000000008000200")
        self.assertRegex(plain, r"SigIgn:\s+0*[1-9a-f]")
        self.assertEqual(self.snapshot(PIPETRACE, "run", "-q", "--", *STATUS), plain)

    def test_descriptors_directory_limits_and_environment(self):
        shell = ["sh", "-c", SNAPSHOT]
        plain = self.snapshot(*shell)
        self.assertIn("/dev/zero", plain)
        self.assertEqual(self.snapshot(PIPETRACE, "run", "-q", "--", *shell), plain)

    def start(self, *command, pass_fds=()):
        process = subprocess.Popen(
            [PIPETRACE, "run", "-q", "-o", str(self.directory / "out"), "--", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=pass_fds)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        return process

    def test_no_copy_of_stdout_is_kept(self):
        process = self.start("sh", "-c", "echo begun; exec >&-; read line; exit 5")
        # End of file comes only when nobody holds the other end, while the command still lives.
        self.assertEqual(process.stdout.read(), b"begun\n")
        self.assertIsNone(process.poll())
        process.stdin.close()
        self.assertEqual(process.wait(live.COMMAND_SECONDS), 5)

    def test_no_copy_of_stdin_is_kept(self):
        hold, release = os.pipe()
        process = self.start("sh", "-c", f"exec <&-; echo begun; read line <&{hold}; exit 6",
                             pass_fds=(hold,))
        os.close(hold)
        self.assertEqual(process.stdout.readline(), b"begun\n")
        with self.assertRaises(BrokenPipeError):
            process.stdin.write(b"nobody reads this")
            process.stdin.flush()
        os.close(release)
        self.assertEqual(process.wait(live.COMMAND_SECONDS), 6)
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass  # what the failed write left in the buffer

    def test_only_the_command_is_traced(self):
        out = self.directory / "incidents"
        release_read, release_write = os.pipe()
        command = f"read line <&{release_read}; {PROVOKERS}/classic"
        tracer = self.trace("run", "--json", "-o", out, "--", "sh", "-c", command,
                            pass_fds=(release_read,))
        os.close(release_read)
        other = live.provoke("classic")
        os.write(release_write, b"go\n")
        os.close(release_write)
        self.assertEqual(tracer.wait_end(live.COMMAND_SECONDS), 0, tracer.stderr())
        own = json.loads(tracer.lines[-1])
        pids = {json.loads(line)["process"]["pid"] for line in out.read_text().splitlines()}
        self.assertEqual(pids, {own["victim"]["pid"]}, tracer.stderr())
        self.assertNotIn(other["victim"]["pid"], pids)


class Children(LiveTest):
    def test_incidents_go_to_stderr_and_stdout_is_the_commands(self):
        done = run("run", "--", PROVOKERS / "classic", "--sigpipe", "ignore")
        self.assert_status(0, done)
        truth = json.loads(done.stdout)
        self.assertIn("write_after_peer_close", done.stderr)
        self.assertIn(f"victim[{truth['victim']['pid']}]", done.stderr)

    def test_run_as(self):
        done = run("run", "--run-as", "nobody", "-q", "--", "id", "-u")
        self.assert_status(0, done)
        self.assertEqual(done.stdout, f"{live.NOBODY}\n")


if __name__ == "__main__":
    live.main()
