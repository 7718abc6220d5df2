"""--without: what is not looked for is not told, not claimed, and said to be missing."""
import json

import live
from live import LiveTest, provoke, run


class Without(LiveTest):
    def told(self, observations, provoker):
        """The incident, and what pipetrace said as it began."""
        asked = [word for name in observations for word in ("--without", name)]
        tracer = self.trace("--json", "--comm", "victim", *asked)
        incident = self.incident_of(tracer, provoke(*provoker))
        self.stop(tracer)
        return incident, tracer.stderr()

    def test_resets(self):
        seen, _ = self.told([], ("linger0",))
        self.assertEqual(seen["verdict"]["cause"], "peer_abortive_close")
        self.assertIsNotNone(seen["rst"])
        unseen, said = self.told(["rst_received"], ("linger0",))
        self.assertIsNone(unseen["rst"])
        self.assertIsNone(unseen["first_close"])
        self.assertEqual(unseen["errors"][0]["errno"], "ECONNRESET")
        self.assertEqual((unseen["verdict"]["cause"], unseen["verdict"]["confidence"]), ("unknown", "unknown"))
        self.assertIn("--without", unseen["verdict"]["summary"])
        self.assertNotIn("rst_received", [entry["event"] for entry in unseen["timeline"]])
        self.assertRegex(said, "observations? limited")

    def test_a_close_is_not_taken_for_a_shutdown(self):
        unseen, _ = self.told(["rst_received"], ("classic", "--sigpipe", "ignore"))
        self.assertEqual(unseen["verdict"]["cause"], "unknown")
        self.assertEqual(unseen["sigpipe"], "ignored")

    def test_sigpipe(self):
        unseen, _ = self.told(["sigpipe_generated", "sigpipe_delivered"], ("classic", "--sigpipe", "ignore"))
        self.assertIsNone(unseen["sigpipe"])
        self.assertEqual(unseen["verdict"]["cause"], "write_after_peer_close")
        self.assertNotEqual(unseen["verdict"]["confidence"], "certain")

    def test_doctor_says_so(self):
        done = run("doctor", "--json", "--without", "process_exited")
        self.assert_status(3, done)
        rows = {row["observation"]: row for row in json.loads(done.stdout)["observations"]}
        row = rows["process_exited"]
        self.assertEqual((row["hook"], row["complete"], row["why"]),
                         (None, False, "left out by --without process_exited"))
        self.assertIsNotNone(rows["process_forked"]["hook"])

    def test_what_cannot_be_left_out(self):
        for name, said in (("banana", "rst_sent_passive"), ("rst_recieved", "did you mean 'rst_received'?"),
                           ("fin_received", "nothing that pipetrace could tell")):
            for command in ([], ["record"], ["doctor"], ["run", "--", "true"]):
                with self.subTest(f"{command} {name}"):
                    done = run(*command[:1], "--without", name, *command[1:])
                    self.assert_status(2, done)
                    self.assertEqual(done.stdout, "")
                    self.assertIn(f"'{name}'", done.stderr)
                    self.assertIn(said, done.stderr)


if __name__ == "__main__":
    live.main()
