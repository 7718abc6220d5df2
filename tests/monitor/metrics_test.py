"""`pipetrace serve --metrics`: what /metrics says of known loads, and what else a client may reach."""
import concurrent.futures
import re
import signal
import socket

import exposition
import mixed_load
from exposition import Exposition, scrape
from mixed_load import UNLUCKY
from serving import ROOT, ServeTest, live

TOLD_SECONDS = 15
ROUNDS_MAX = 5
URL = re.compile(r"metrics on (http://(\S+):(\d+)/metrics)")
SUMMARY = re.compile(r"resets: (\d+) received, (\d+) sent")


class MetricsTest(ServeTest):
    def serve_metrics(self, *arguments, address="127.0.0.1:0"):
        """Counts the failures of UNLUCKY's processes alone: others run on the same host."""
        self.tracer = self.serve("--metrics", address, "--user", UNLUCKY, *arguments)
        found = URL.search(self.tracer.stderr())
        self.assertIsNotNone(found, self.tracer.stderr())
        self.url, self.port = found[1], int(found[3])
        return self.tracer

    def told(self, condition):
        """The first exposition for which it holds; a failing assertion tells what it lacks."""
        def look():
            text = exposition.fetch(self.url)
            self.last = Exposition(text)
            return text if condition(self.last) else None
        return Exposition(live.wait_for(look, TOLD_SECONDS, "the metrics that were waited for"))

    def ask(self, request, seconds=5):
        """Everything that comes back for those bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as client:
            client.sendall(request)
            heard = b""
            while part := client.recv(65536):
                heard += part
            return heard


class AtRest(MetricsTest):
    def test_promtool_and_names(self):
        self.serve_metrics()
        text = exposition.fetch(self.url)
        self.assertEqual(exposition.complaints(text), "")
        found = Exposition(text)
        self.assertLessEqual(len(found.series), exposition.SERIES_MAX)
        self.assertEqual(found.value("pipetrace_ready"), 1)
        self.assertEqual(found.value("pipetrace_incidents_total", cause="peer_reset", severity="fault"), 0)
        self.assertEqual(found.value("pipetrace_events_lost_total", kind="call_failed"), 0)
        for name in ("cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes", "open_fds", "max_fds",
                     "start_time_seconds", "threads"):
            self.assertGreater(found.value(f"process_{name}"), 0, name)
        self.assertGreater(found.value("pipetrace_ring_size_bytes"), 0)
        entries = found.by("pipetrace_kernel_table_entries", "table")
        sizes = found.by("pipetrace_kernel_table_size", "table")
        self.assertEqual(sizes["endpoints"], 32768)
        self.assertEqual([table for table in entries if entries[table] > sizes[table]], [])
        self.assertEqual(found.by("pipetrace_evictions_total", "table"), {}, "at rest there is room")
        rules = (ROOT / "packaging/prometheus/pipetrace.rules.yml").read_text()
        expressions = re.findall(r"expr: (.*\n(?:          .*\n)*)", rules)
        asked = set(re.findall(r"\b(?:pipetrace|process)_[a-z_]+", "".join(expressions))) - {"process_exited"}
        self.assertGreater(len(asked), 6)
        self.assertEqual(asked - found.names(), set(), "the alert rules ask for what is not there")

    def test_ipv6(self):
        self.serve_metrics(address="[::1]:0")
        self.assertTrue(self.url.startswith("http://[::1]:"), self.url)
        self.assertEqual(scrape(self.url).value("pipetrace_ready"), 1)

    def test_scraping_is_no_incident(self):
        self.tracer = self.serve("--metrics", "127.0.0.1:0")
        self.url = URL.search(self.tracer.stderr())[1]
        port = int(URL.search(self.tracer.stderr())[3])
        for _ in range(50):
            scrape(self.url)
        for incident in self.tracer.incidents():
            self.assertNotIn(str(port), str(incident["endpoint"]), "a scrape broke")

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = "127.0.0.1:%d" % other.getsockname()[1]
            done = live.run("serve", "--metrics", address, "--recording", self.recording)
        self.assert_status(1, done)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"cannot be served at {address}: another program listens there already", done.stderr)
        self.assertIn("--metrics", done.stderr)
        self.assertNotIn("tracing", done.stderr)
        self.assertFalse(self.recording.exists(), "nothing was begun")

    def test_address_of_another_host(self):
        done = live.run("serve", "--metrics", "203.0.113.7:9435", "--recording", self.recording)
        self.assert_status(1, done)
        self.assertIn("this host has no such address", done.stderr)


class UnderLoad(MetricsTest):
    def test_counts(self):
        """Each count is the generator's own; the RSTs are those of the summary."""
        for errors in ("exact", "inferred"):
            with self.subTest(errors=errors):
                self.serve_metrics("--errors", errors, "--recording", self.state / f"{errors}.db")
                totals = mixed_load.Totals()
                mixed_load.play(totals, 4)
                observed = scrape(self.url).by("pipetrace_hook_attached", "observation")
                self.assertTrue(errors == "inferred" or {"send_failed", "unix_send_failed"} & set(observed))
                expected = totals.told(observed)
                try:
                    found = self.told(lambda now: self.counted(now) == expected)
                except AssertionError:
                    self.assertEqual(self.counted(self.last), expected)
                    raise
                self.assertEqual(exposition.complaints(exposition.fetch(self.url)), "")
                self.assertEqual(found.by("pipetrace_events_lost_total", "kind"), {})
                self.assertEqual(found.value("pipetrace_idle_before_reset_seconds_bucket", le="+Inf"),
                                 found.value("pipetrace_idle_before_reset_seconds_count"))
                self.assertGreaterEqual(found.value("pipetrace_connection_age_seconds_count"), totals.resets / 2)
                self.end_and_compare_resets(totals)

    @staticmethod
    def counted(found):
        return {"causes": found.by("pipetrace_incidents_total", "cause"),
                "processes": found.by("pipetrace_process_incidents_total", "process"),
                "errors": found.by("pipetrace_errors_total", "errno", "sigpipe")}

    def end_and_compare_resets(self, totals):
        def counted():
            by_direction = scrape(self.url).by("pipetrace_resets_total", "direction")
            return by_direction.get("received", 0), by_direction.get("sent", 0)

        live.wait_for(lambda: counted()[0] >= totals.resets, TOLD_SECONDS, f"{totals.resets} RSTs")
        last, now, rounds = None, counted(), 0
        while now != last and rounds < ROUNDS_MAX:  # others on this host reset connections too
            self.tracer.wait_end(1.2)  # more than the tick
            last, now, rounds = now, counted(), rounds + 1
        self.stop(self.tracer, signal.SIGTERM)
        told = tuple(map(int, SUMMARY.search(self.tracer.stderr()).groups()))
        if now == last:
            self.assertEqual(now, told)
        else:  # a host that never rests goes on between the two looks
            self.assertLessEqual(now, told)


class HostileClients(MetricsTest):
    def test_nothing_else_is_served(self):
        self.serve_metrics()
        for path in ("/", "/metrics/", "/metrics/x", "/../../etc/passwd", "/metrics%00", "/-/quit", "/api/v1/query"):
            answer = self.ask(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 404 "), (path, answer))
            self.assertNotIn(b"Server:", answer)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            answer = self.ask(method.encode() + b" /metrics HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody")
            self.assertTrue(answer.startswith(b"HTTP/1.1 405 "), (method, answer))
        self.assertTrue(self.ask(b"GET /-/ready HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 "))
        self.assertTrue(self.ask(b"\x16\x03\x01\x02\x00\r\n\r\n").startswith(b"HTTP/1.1 400 "))

    def test_slow_and_many(self):
        """They hold up neither other scrapers nor the trace."""
        self.serve_metrics()
        held = []
        self.addCleanup(lambda: [client.close() for client in held])
        for number in range(200):
            client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" if number % 3 == 0 else b"GET /met")
            held.append(client)
        with concurrent.futures.ThreadPoolExecutor(8) as scrapers:
            texts = list(scrapers.map(lambda _: exposition.fetch(self.url), range(40)))
        self.assertEqual({exposition.complaints(text) for text in texts[:2]}, {""})
        totals = mixed_load.Totals()
        mixed_load.play(totals, 2, {("late", "ignored", 1): "write_after_peer_close"})
        self.told(lambda now: now.by("pipetrace_errors_total", "errno", "sigpipe") == {("EPIPE", "ignored"): 2})
        self.stop(self.tracer)


if __name__ == "__main__":
    live.main()
