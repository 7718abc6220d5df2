"""A real Prometheus scrapes two serves over a mixed load: what PromQL answers is what the generator counted.

By hand, for longer: prometheus_test.py --minutes 10 (and --rounds-pause SECONDS between the rounds of the load).
"""
import argparse
import json
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse

import exposition
import mixed_load
from metrics_test import URL
from mixed_load import UNLUCKY
from serving import ServeTest, live

ARGUMENTS = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
ARGUMENTS.add_argument("--minutes", type=float, default=0.2)
ARGUMENTS.add_argument("--victims", type=int, default=3, help="of each kind, in a round")
ARGUMENTS.add_argument("--rounds-pause", type=float, default=0.2)
OPTIONS, REST = ARGUMENTS.parse_known_args()

UP_SECONDS = 20
SETTLE_SECONDS = 25
WINDOW_SECONDS = 3600


class Prometheus:
    """Debian's, with its own configuration and data, on loopback."""

    def __init__(self, directory, targets):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                  "scrape_configs": [{"job_name": name, "static_configs": [{"targets": [target]}]}
                                     for name, target in targets.items()]}
        path = directory / "prometheus.yml"
        path.write_text(json.dumps(config))  # YAML takes JSON
        self.log = open(directory / "prometheus.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={directory / 'data'}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd=directory)

    def query(self, expression):
        """{labels' values, sorted by the labels' names: value} of an instant vector."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            answer = json.loads(exposition.fetch(url))
        except OSError:
            return None  # it has only begun
        if answer["status"] != "success":
            raise AssertionError(f"{expression}: {answer}")
        found = {}
        for sample in answer["data"]["result"]:
            labels = tuple(value for _, value in sorted(sample["metric"].items()))
            found[labels if len(labels) != 1 else labels[0]] = float(sample["value"][1])
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


class PrometheusTest(ServeTest):
    def serve_at(self, errors):
        tracer = self.serve("--metrics", "127.0.0.1:0", "--user", UNLUCKY, "--errors", errors,
                            "--recording", self.state / f"{errors}.db")
        found = URL.search(tracer.stderr())
        return f"{found[2]}:{found[3]}"

    def setUp(self):
        super().setUp()
        self.targets = {errors: self.serve_at(errors) for errors in ("exact", "inferred")}
        self.prometheus = Prometheus(self.directory, self.targets)
        self.addCleanup(self.prometheus.stop)
        live.wait_for(lambda: (self.prometheus.query("sum(up)") or {}).get(()) == len(self.targets), UP_SECONDS,
                      "Prometheus scrapes both")

    def play_for(self, seconds):
        totals, rounds = mixed_load.Totals(), 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            mixed_load.play(totals, OPTIONS.victims)
            rounds += 1
            time.sleep(OPTIONS.rounds_pause)  # a part of the load
        return totals, rounds

    def counted(self, job):
        """As an operator asks: totals by label, those at 0 left out."""
        def total(name, *labels):
            return self.prometheus.query(f'sum by ({",".join(labels)}) ({name}{{job="{job}"}}) > 0')
        return {"causes": total("pipetrace_incidents_total", "cause"),
                "processes": total("pipetrace_process_incidents_total", "process"),
                "errors": total("pipetrace_errors_total", "errno", "sigpipe")}

    def lost(self, job):
        return self.prometheus.query(f'pipetrace_events_lost_total{{job="{job}"}} > 0')

    def test_totals(self):
        totals, rounds = self.play_for(OPTIONS.minutes * 60)
        for job, target in self.targets.items():
            observed = exposition.scrape(f"http://{target}/metrics").by("pipetrace_hook_attached", "observation")
            expected = totals.told(observed)
            with self.subTest(job=job):
                try:
                    live.wait_for(lambda: self.counted(job) == expected, SETTLE_SECONDS, "the totals")
                except AssertionError:
                    self.assertEqual(self.counted(job), expected, f"lost: {self.lost(job)}")
                self.look_at_window(job, expected)
                print(f"\n{job}: {rounds} rounds in {OPTIONS.minutes * 60:.0f} s, "
                      f"{sum(expected['causes'].values())} incidents, {sum(expected['errors'].values())} failed calls, "
                      f"{totals.resets} RSTs at least: PromQL says the same, by cause, errno, fate and process")

    def look_at_window(self, job, expected):
        """From the first scrape on each series was there, at 0; and no scrape failed."""
        risen = self.prometheus.query(
            f'sum by (cause) (max_over_time(pipetrace_incidents_total{{job="{job}"}}[{WINDOW_SECONDS}s])'
            f' - min_over_time(pipetrace_incidents_total{{job="{job}"}}[{WINDOW_SECONDS}s])) > 0')
        self.assertEqual(risen, expected["causes"])
        self.assertEqual(self.prometheus.query(f'min_over_time(up{{job="{job}"}}[{WINDOW_SECONDS}s])').popitem()[1], 1)
        samples = self.prometheus.query(f'max_over_time(scrape_samples_scraped{{job="{job}"}}[{WINDOW_SECONDS}s])')
        self.assertLessEqual(samples.popitem()[1], exposition.SERIES_MAX)
        # A kernel program is not run for what an interrupt brings while it runs: rare, told, and the totals hold.
        lost = {labels: count for labels, count in self.lost(job).items()
                if not any(label.startswith("missed ") for label in labels)}
        self.assertEqual(lost, {})


if __name__ == "__main__":
    live.needs("root")
    unittest.main(verbosity=2, argv=[sys.argv[0], *REST])
