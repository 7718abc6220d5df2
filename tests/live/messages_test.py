"""Bad input and its messages, and the commands that only tell: explain, doctor, demo, help."""
import json
import subprocess

import live
from live import PIPETRACE, LiveTest, run

PID_BEYOND_ANY = 2**22 + 1  # PID_MAX_LIMIT is 2^22


class Refusals(LiveTest):
    def refused(self, status, *arguments, **options):
        """It must end with this status, a message of its own and nothing on stdout."""
        done = run(*arguments, **options)
        self.assert_status(status, done)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("pipetrace: "), done.stderr)
        for crash in ("terminate called", "Traceback", "core dumped", "Assertion"):
            self.assertNotIn(crash, done.stderr)
        return done.stderr

    def test_a_pid_that_does_not_exist(self):
        message = self.refused(1, "-p", PID_BEYOND_ANY)
        self.assertIn(str(PID_BEYOND_ANY), message)

    def test_a_pid_that_has_ended(self):
        child = subprocess.Popen(["true"])
        child.wait()
        self.assertIn(str(child.pid), self.refused(1, "-p", child.pid))

    def test_bad_values(self):
        for option, value in (("--kind", "banana"), ("--port", "99999"), ("--errno", "EBANANA"),
                              ("--cause", "banana"), ("--severity", "banana"), ("--mode", "banana"),
                              ("-p", "banana"), ("-c", "banana"), ("-d", "-1"), ("--errors", "banana")):
            with self.subTest(option):
                self.assertIn(value, self.refused(2, option, value))

    def test_an_unknown_user(self):
        message = self.refused(2, "-u", "no-such-user-here")
        self.assertIn("no-such-user-here", message)

    def test_unknown_options_and_commands(self):
        self.assertIn("--banana", self.refused(2, "--banana"))
        self.assertIn("banana", self.refused(2, "banana"))

    def test_a_near_miss_is_guessed(self):
        self.assertIn("write_after_peer_close", self.refused(2, "--cause", "write_after_peer_closed"))

    def test_not_root(self):
        message = self.refused(1, "-d", "5", prefix=live.as_nobody(),
                               program=self.program_for_all(PIPETRACE))
        self.assertIn("root", message)


class Explain(LiveTest):
    def explained(self, code, **options):
        done = run("explain", code, **options)
        self.assert_status(0, done)
        self.assertGreater(len(done.stdout.splitlines()), 1)
        return done.stdout

    def test_an_errno_by_name_and_number(self):
        self.assertIn("EPIPE", self.explained("EPIPE"))
        self.assertEqual(self.explained("32"), self.explained("EPIPE"))

    def test_causes_and_fates(self):
        for code in ("write_after_peer_close", "peer_closed_unread_data", "connection_refused",
                     "pipe_reader_closed", "unknown", "ECONNRESET", "killed", "suppressed"):
            with self.subTest(code):
                self.assertIn(code, self.explained(code))

    def test_any_user_may_ask(self):
        self.explained("EPIPE", prefix=live.as_nobody(), program=self.program_for_all(PIPETRACE))

    def test_nonsense(self):
        done = run("explain", "nonsense")
        self.assertIn(done.returncode, (1, 2))
        self.assertEqual(done.stdout, "")
        self.assertIn("nonsense", done.stderr)


class Doctor(LiveTest):
    def test_json_and_status_agree(self):
        done = run("doctor", "--json")
        report = json.loads(done.stdout)
        incomplete = [seen for seen in report["observations"] if not seen["complete"]]
        self.assertEqual(len(incomplete), report["missing_count"])
        self.assert_status(3 if incomplete else 0, done)
        self.assertGreater(len(report["observations"]), 8)
        for seen in report["observations"]:
            with self.subTest(seen["observation"]):
                self.assertTrue(seen["hook"] or seen["lost"], "no hook, and nothing said to be lost")
                self.assertEqual(seen["complete"], seen["lost"] is None)
        names = {seen["observation"] for seen in report["observations"]}
        self.assertLessEqual({"rst_received", "sigpipe_generated"}, names)

    def test_text(self):
        done = run("doctor")
        report = json.loads(run("doctor", "--json").stdout)
        self.assert_status(3 if report["missing_count"] else 0, done)
        for seen in report["observations"]:
            self.assertIn(seen["title"], done.stdout)
        self.assertIn(report["mode"], done.stdout)


class Demo(LiveTest):
    def test_the_story(self):
        done = run("demo")
        self.assert_status(0, done)
        story = done.stdout
        for word in ("FIN received", "RST received in CLOSE_WAIT", "SIGPIPE", "EPIPE", "closed its end",
                     "write_after_peer_close", "Cause", "Advice", "certain"):
            self.assertIn(word, story)
        steps = ("FIN received", "RST received", "SIGPIPE generated")
        places = [story.index(step) for step in steps]
        self.assertEqual(places, sorted(places), "the steps are not in their order")


class General(LiveTest):
    def test_help_and_version(self):
        for arguments in (["--help"], ["run", "--help"], ["--version"], ["doctor", "--help"]):
            with self.subTest(arguments):
                done = run(*arguments)
                self.assert_status(0, done)
                self.assertIn("pipetrace", done.stdout)
                self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    live.main()
