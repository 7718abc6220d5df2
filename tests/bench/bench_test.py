"""The benchmarks' arithmetic and judgement, on samples made up here: no load is run."""
import json
import tempfile
import unittest
from pathlib import Path

import goals
import picture
import report
import storm
import tools
import traffic
from samples import Samples, Spread

FACTS = {"date": "2026-01-02", "processor": "x", "processors": 2, "kernel": "6.12", "hooks": "h", "versions": ["v"],
         "seed": 1, "quick": False, "seconds": 1, "load_average": 0.0}
TITLES = {"untraced": "untraced", "control": "untraced again", "pipetrace_exact": "pipetrace, exact",
          "pipetrace_inferred": "pipetrace, inferred", "empty_exact": "empty programs", "tcpdump": "tcpdump -w"}


def samples_of(load, **tools_metrics):
    """{tool: {metric: [values of rounds 1, 2, ...]}}"""
    samples = Samples(1)
    for tool, metrics in tools_metrics.items():
        for metric, values in metrics.items():
            for number, value in enumerate(values, 1):
                samples.add(load, tool, number, **{metric: value})
    return samples


def judged(samples):
    return {goal.what: goal.met for goal in goals.goals(samples)}


class SamplesTest(unittest.TestCase):
    def test_a_ratio_is_taken_within_its_round(self):
        samples = samples_of("l", untraced={"rate": [100, 10]}, t={"rate": [50, 10]})
        self.assertEqual(samples.ratios("l", "t", "rate"), [0.5, 1.0])

    def test_the_warm_up_is_left_out(self):
        samples = samples_of("l", t={"rate": [3, 5]})
        samples.add("l", "t", 0, rate=1000)
        self.assertEqual(samples.median("l", "t", "rate"), 4)

    def test_rounds_hold_each_tool_once_in_changing_order(self):
        order = list(Samples(1).rounds(20, ["a", "b", "c"], 60))
        by_round = [tuple(tool for number, tool in order if number == wanted) for wanted in range(21)]
        self.assertEqual({tuple(sorted(tools)) for tools in by_round}, {("a", "b", "c")})
        self.assertGreater(len(set(by_round)), 3)
        self.assertEqual(order, list(Samples(1).rounds(20, ["a", "b", "c"], 60)), "the seed fixes it")

    def test_no_round_begins_that_cannot_end_in_time(self):
        rounds = [number for number, _ in Samples(1).rounds(20, ["a"], 0)]
        self.assertEqual(rounds, [0, 1], "one is measured whatever it takes")

    def test_a_shared_machine_is_measured_by_processor_time(self):
        samples = samples_of("l", untraced={"rate": [100.0], "cpu_ns": [10.0]},
                             t={"rate": [30.0], "cpu_ns": [12.5]}, strace={"rate": [5.0], "cpu_ns": [11.0]})
        self.assertEqual(samples.kept("l", "t").median, 0.3)
        samples.add("machine", "t", 1, foreign_share=0.5)
        self.assertEqual(samples.kept("l", "t").median, 0.8)
        self.assertEqual(samples.kept("l", "strace").median, 0.05)

    def test_the_median_lies_in_its_interval(self):
        low, high = Spread([1.0, 1.01, 0.99, 1.02, 0.98]).interval()
        self.assertLessEqual(low, 1.0)
        self.assertGreaterEqual(high, 1.0)
        self.assertGreater(low, 0.97)
        self.assertEqual(Spread([2.0, 2.0, 2.0]).interval(), (2.0, 2.0))


class Holder:
    """A process that holds as much memory as is said, one number a look."""

    def __init__(self, *looks_kib):
        self.looks_kib = list(looks_kib)

    def memory_kib(self):
        return self.looks_kib.pop(0)


class MemoryTest(unittest.TestCase):
    def test_it_waits_until_the_memory_is_given_back(self):
        holder = Holder(40 << 10, 39 << 10, 12 << 10, 11 << 10)
        storm.wait_given_back(holder, 10 << 10, 42 << 10)
        self.assertEqual(holder.looks_kib, [11 << 10], "the look that found it given back is the last")

    def test_it_does_not_wait_for_little(self):
        holder = Holder(11 << 10)
        self.assertLess(storm.wait_given_back(holder, 10 << 10, 11 << 10), storm.LOOK_SECONDS)


class GoalsTest(unittest.TestCase):
    def storm(self, **changed):
        own = {"rate": [90.0], "operations": [1000], "lost": [0], "events": [12000], "told_incidents": [1000],
               "made_ECONNRESET": [1000], "told_ECONNRESET": [1000], "made_EPIPE": [1000], "told_EPIPE": [1000],
               "ring_bytes": [4 << 20], "ns_per_event": [300.0], "ns_per_incident": [5000.0],
               "rest_kib": [9000], "busy_kib": [64 << 10], "after_kib": [12 << 10], **changed}
        return samples_of("storm", untraced={"rate": [100.0]}, empty_exact={"rate": [99.0]}, pipetrace_exact=own)

    def test_a_storm_that_meets_all_goals(self):
        met = judged(self.storm())
        self.assertEqual(set(met.values()), {True}, met)
        self.assertIn("storm, exact: generator keeps", met)

    def test_each_goal_of_the_storm_can_fail(self):
        for what, changed in {
                "storm, exact: events lost": {"lost": [1]},
                "storm, exact: incidents told in JSON": {"told_incidents": [999]},
                "storm, exact: ECONNRESET counted": {"told_ECONNRESET": [999]},
                "storm, exact: EPIPE counted": {"told_EPIPE": [1001]},
                "storm, exact: generator keeps": {"rate": [84.0]},
                "storm: ring": {"ring_bytes": [8 << 20]},
                "collector in the storm, an event": {"ns_per_event": [301.0]},
                "collector in the storm, a JSON incident": {"ns_per_incident": [5001.0]},
                "memory in the storm": {"busy_kib": [65 << 10]},
                "memory after the storm": {"after_kib": [13 << 10]}}.items():
            met = judged(self.storm(**changed))
            self.assertEqual([name for name, value in met.items() if not value], [what])

    def test_one_round_that_lost_is_not_outvoted(self):
        lost = self.storm(lost=[0, 0, 7])
        self.assertFalse(judged(lost)["storm, exact: events lost"])

    def test_a_shared_machine_spoils_times_and_not_counts(self):
        samples = samples_of("ping_pong", untraced={"cpu_ns": [1.0], "rate": [1.0]}, control={"cpu_ns": [1.0]},
                             empty_exact={"cpu_ns": [2.0]}, tcpdump={"cpu_ns": [3.0], "rate": [0.9]},
                             pipetrace_exact={"cpu_ns": [2.0], "rate": [0.8]})
        self.assertIs(judged(samples)["exact: ping-pong kept"], False)
        samples.add("machine", "pipetrace_exact", 1, foreign_share=0.5)
        self.assertIsNone(judged(samples)["exact: ping-pong kept"])
        storm_samples = self.storm(lost=[3])
        storm_samples.add("machine", "pipetrace_exact", 1, foreign_share=0.5)
        self.assertIs(judged(storm_samples)["storm, exact: events lost"], False)

    def test_a_storm_on_a_shared_machine_is_judged_by_processor_time(self):
        def keeps(own_ns, foreign_share):
            samples = self.storm(rate=[10.0], ns_per_operation=[own_ns])
            samples.add("storm", "untraced", 1, ns_per_operation=1000.0)
            samples.add("storm", "empty_exact", 1, ns_per_operation=1010.0)
            samples.add("machine", "pipetrace_exact", 1, foreign_share=foreign_share)
            return judged(samples)["storm, exact: generator keeps"]
        self.assertTrue(keeps(1100.0, 0.5))
        self.assertFalse(keeps(1200.0, 0.5))
        self.assertFalse(keeps(1100.0, 0.0))

    def test_the_tax_is_judged_against_empty_programs(self):
        def tax(own):
            return judged(samples_of(
                "ping_pong", untraced={"cpu_ns": [1000, 1000, 1000], "rate": [1.0, 1.0, 1.0]},
                control={"cpu_ns": [1001, 1000, 999]},
                empty_exact={"cpu_ns": [1100, 1100, 1100]}, tcpdump={"cpu_ns": [2000] * 3, "rate": [0.5] * 3},
                pipetrace_exact={"cpu_ns": [1000 + own] * 3, "rate": [0.9] * 3}))["exact: tax on a round trip"]
        self.assertTrue(tax(125))
        self.assertFalse(tax(126))

    def test_inferred_is_judged_against_the_control(self):
        def inferred(values):
            return judged(samples_of("connections", control={"cpu_ns": [100.0, 101.0, 99.0, 100.0, 102.0]},
                                     pipetrace_inferred={"cpu_ns": values}))[
                                         "inferred: connections opened and closed"]
        self.assertTrue(inferred([101.0, 100.0, 98.0, 100.0, 103.0]))
        self.assertFalse(inferred([110.0, 112.0, 109.0, 111.0, 110.0]))


class ReadingTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def test_incidents_are_counted_by_process_and_last_revision(self):
        def line(pid, name, count):
            return json.dumps({"id": name, "process": {"pid": pid, "comm": "load"},
                               "errors": [{"errno": "EPIPE", "count": count}],
                               "verdict": {"cause": "unknown"}}, separators=(",", ":"))
        path = self.directory / "out"
        path.write_text("\n".join([line(5, "a", 1), line(5, "a", 9), line(5, "b", 1), line(50, "c", 1), ""]))
        told = storm.told_of(path, 5)
        self.assertEqual((told["incidents"], told["EPIPE"], told["all"], told["unknown"]), (2, 10, 3, 2))

    def test_a_wrapped_summary_is_read(self):
        text = "pipetrace: 2 incidents; resets: 1 received, 1 sent; 19768 events, 2823\n           events lost (x 1)."
        self.assertEqual(tools.summary_figures(text), {"events": 19768, "lost": 2823})
        none = "pipetrace: 0 incidents; resets: 0 received, 0 sent; 1 event, no events lost."
        self.assertEqual(tools.summary_figures(none), {"events": 1, "lost": 0})
        foreign = "; 373 events, 4 events lost\n   (call_failed 3, sigpipe of an unknown\n   descriptor 1)."
        self.assertEqual(tools.summary_figures(foreign), {"events": 373, "lost": 3})
        with self.assertRaises(RuntimeError):
            tools.summary_figures("Killed")

    def test_losses_of_the_other_tools_are_read(self):
        (self.directory / "bpftrace.out").write_text(
            "Attaching 8 probes...\nreset_sent x[1] state 7\nLost 12 events\nLost 3 events\n\n")
        self.assertEqual(tools.Bpftrace().told(self.directory, ""), {"events": 1, "lost": 15})
        self.assertEqual(tools.Tcpdump().told(self.directory, "9 packets captured\n4 packets dropped by kernel\n"),
                         {"events": 9, "lost": 4})

    def test_joined_hook_names_are_taken_apart(self):
        self.assertEqual(tools.targets_of("tcp_reset"), ["tcp_reset"])
        self.assertEqual(tools.targets_of("tcp_v4/v6_send_reset"), ["tcp_v4_send_reset", "tcp_v6_send_reset"])
        self.assertEqual(tools.targets_of("unix_stream/dgram/seqpacket_sendmsg"),
                         ["unix_stream_sendmsg", "unix_dgram_sendmsg", "unix_seqpacket_sendmsg"])

    def test_the_readme_is_written_twice_the_same(self):
        samples = samples_of("ping_pong", untraced={"rate": [100.0], "cpu_ns": [10.0]},
                             control={"rate": [99.0], "cpu_ns": [10.0]},
                             pipetrace_exact={"rate": [97.0], "cpu_ns": [11.0]})
        readme = self.directory / "README.md"
        readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
        (self.directory / "tests" / "bench").mkdir(parents=True)
        drawn = self.directory / "cost.svg"
        drawn.write_text(picture.svg(samples, FACTS))
        report.publish(samples, TITLES, FACTS, readme, drawn)
        once = readme.read_text()
        self.assertIn("| pipetrace, exact | 0.97 |", once)
        self.assertTrue(once.startswith("before\n") and once.endswith("\nafter\n") and "old" not in once)
        report.publish(samples, TITLES, FACTS, readme, drawn)
        self.assertEqual(readme.read_text(), once)
        self.assertIn("0.97", (self.directory / "tests" / "bench" / "cost.svg").read_text())

    def test_the_tables_hold_every_load(self):
        samples = samples_of("ping_pong", untraced={"rate": [100.0], "cpu_ns": [10.0]})
        text = report.text(samples, TITLES, FACTS)
        for load in traffic.LOADS:
            self.assertIn(traffic.TITLES[load], text)


if __name__ == "__main__":
    unittest.main()
