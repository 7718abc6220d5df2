"""What the tests of real programs share: their hosts, the tracer over them, and the second source."""
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "live")]

from debian_tree import make as make_tree  # noqa: E402
from host import Host, wait_until  # noqa: E402
from kernel_events import KernelEvents  # noqa: E402
from live import ROOT, LiveTest, main  # noqa: E402, F401

TREE = Path(os.environ.get("PIPETRACE_APPS_TREE", ROOT / "build/apps"))
# Observations to leave out (switched_off_test.py): each case must then fail.
WITHOUT = os.environ.get("PIPETRACE_APPS_WITHOUT", "").split()
INCIDENT_SECONDS = 10


class AppCase(LiveTest):
    def setUp(self):
        super().setUp()
        self.tree = make_tree(TREE)
        self.kernel = KernelEvents(self.directory)
        self.addCleanup(self.kernel.close)
        self._tracer = None

    def host(self, name="host"):
        """A host of the case's own, ended with the case."""
        host = Host(self.tree, self.directory, name)
        self.addCleanup(host.close)
        return host

    def start_tracing(self, *filters):
        """The tracer whose incidents the case judges: the whole system, or what the filters select."""
        without = [word for name in WITHOUT for word in ("--without", name)]
        self._tracer = self.trace("--json", *without, *filters)
        return self._tracer

    def incidents(self, *hosts_or_pids):
        """The last revision of each incident told so far of these pids (all: of none given)."""
        return [found for found in self._tracer.last_revisions()
                if not hosts_or_pids or found["process"]["pid"] in hosts_or_pids]

    def incident(self, pid=None, comm=None, cause=None, kind=None, seconds=INCIDENT_SECONDS, **endpoint):
        """Wait for the one incident of that process; it is valid by the schema. A test that has one
        incident a process names no cause: it judges it."""
        def wanted(found):
            return ((pid is None or found["process"]["pid"] == pid)
                    and (comm is None or found["process"]["comm"] == comm)
                    and (cause is None or found["verdict"]["cause"] == cause)
                    and (kind is None or found["endpoint"]["kind"] == kind)
                    and all(found["endpoint"].get(key) == value for key, value in endpoint.items()))
        self.assertTrue(self._tracer.wait_incident(wanted, seconds),
                        f"no incident of pid {pid}, comm {comm}, cause {cause}:\n{self._told()}")
        matching = [found for found in self._tracer.last_revisions() if wanted(found)]
        self.assertEqual(len(matching), 1, self._told())
        self.assert_valid(matching[0])
        return matching[0]

    def stop_tracing(self):
        """End the trace, so that all incidents are in their last revision. Nothing may have been lost."""
        self.stop(self._tracer)
        self.assertIn("no events lost", " ".join(self._tracer.stderr().split()))  # the summary is wrapped
        return self._tracer.last_revisions()

    def assert_verdict(self, incident, cause, confidence="certain", severity=None):
        verdict = incident["verdict"]
        self.assertEqual((verdict["cause"], verdict["confidence"]), (cause, confidence), verdict["summary"])
        if severity:
            self.assertEqual(verdict["severity"], severity, verdict["summary"])

    def assert_errors(self, incident, *expected):
        """What the program was told, in order, as (errno, syscall) pairs or errnos."""
        told = [(error["errno"], error["syscall"]) for error in incident["errors"]]
        wanted = [error if isinstance(error, tuple) else (error, syscall)
                  for error, (_, syscall) in zip(expected, told)] + list(expected[len(told):])
        self.assertEqual(told, wanted)

    def assert_peer(self, incident, pid, action=None):
        peer = incident["peer"] or {}
        self.assertEqual(peer.get("pid"), pid, incident["verdict"]["summary"])
        if action:
            self.assertEqual(peer["action"], action)

    def assert_kernel_saw_reset(self, incident):
        """The kernel's own tracepoint has the RST that the incident tells of."""
        local, remote = (int(incident["endpoint"][end].rsplit(":", 1)[1]) for end in ("local", "remote"))
        self.assertIsNotNone(incident["rst"])
        self.assertIn((local, remote), self.kernel.resets_received(), self.kernel.lines())

    def assert_kernel_saw_sigpipe(self, incident):
        tasks = {incident["process"]["pid"], *(error["tid"] for error in incident["errors"])}
        self.assertTrue(tasks & set(self.kernel.sigpipes()), self.kernel.lines())

    def assert_advice(self, incident, *knobs):
        for knob in knobs:
            self.assertIn(knob, incident["verdict"]["advice"])

    def _told(self):
        lines = [f"{found['process']['comm']}[{found['process']['pid']}] {found['endpoint']['kind']} "
                 f"{found['verdict']['cause']}: {found['verdict']['summary']}"
                 for found in self._tracer.last_revisions()]
        return "\n".join(["told:", *lines, self._tracer.stderr()])


__all__ = ["AppCase", "INCIDENT_SECONDS", "main", "wait_until"]
