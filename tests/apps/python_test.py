"""Python's http.server: clients that leave, and a connection that a pool uses too late."""
import re

from app_case import main, wait_until
from http_cases import CURL_TIMED_OUT, REUSING_CLIENT, HttpCase

PORT = 9300

# /small answers at once; anything else writes a chunk, waits for a file and writes on.
SERVER = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 0.7
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1" if self.path == "/small" else "1000000")
        self.end_headers()
        self.wfile.write(b"x")
        if self.path == "/small":
            return
        deadline = time.monotonic() + 20
        while not os.path.exists("/case/client-left") and time.monotonic() < deadline:
            time.sleep(0.005)
        for _ in range(3):
            self.wfile.write(bytes(1000))
http.server.ThreadingHTTPServer(("", 9300), Handler).serve_forever()
"""


class Python(HttpCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def curl(self, path, *options):
        return self.machine.start("curl", "--silent", "--output", "/dev/null", *options, f"http://127.0.0.1:{PORT}{path}")

    def tracebacks(self, server):
        return re.findall(r"^(\w+Error): ", server.text(), re.MULTILINE)

    def test_clients_that_leave_its_file_server(self):
        (self.directory / "www").mkdir()
        (self.directory / "www/big").write_bytes(bytes(30_000_000))
        server = self.machine.start("python3", "-u", "-m", "http.server", "--directory", "/case/www", PORT)
        self.machine.wait_listens(PORT)
        self.start_tracing("--port", PORT)
        leaving = self.curl("/big", "--limit-rate", "1k", "--max-time", "1")
        self.assertEqual(leaving.wait(20), CURL_TIMED_OUT, leaving.text())
        left = self.incident(pid=server.pid)
        dying = self.curl("/big", "--limit-rate", "1k")
        wait_until(lambda: self.machine.unread_by_clients_of(PORT) > 10_000, 20, "the response is under way")
        dying.kill()
        dying.wait()
        died = self.incident(pid=server.pid, cause="peer_process_died")
        wait_until(lambda: self.tracebacks(server) == 2 * ["ConnectionResetError"], 10, server.text())
        left, died = self.assert_told_of_no_more((server, leaving, dying), left, died)
        self.assert_verdict(left, "peer_closed_unread_data", "certain", "fault")
        self.assert_peer(left, leaving.pid, "close")
        self.assert_verdict(died, "peer_process_died", "certain", "fault")
        self.assert_peer(died, dying.pid, "killed")
        for incident in (left, died):
            self.assert_errors(incident, ("ECONNRESET", "sendto"))
            self.assert_advice(incident, "`ConnectionResetError`")
            self.assertEqual(incident["sigpipe"], "none")
            self.assertGreater(incident["peer"]["unread_bytes"], 0)
            self.assert_kernel_saw_reset(incident)

    def test_client_leaves_and_connection_is_used_too_late(self):
        server = self.machine.start("python3", "-u", "-c", SERVER)
        self.machine.wait_listens(PORT)
        self.start_tracing("--port", PORT)
        client = self.curl("/slow", "--max-time", "0.5")
        self.assertEqual(client.wait(20), CURL_TIMED_OUT, client.text())
        (self.directory / "client-left").touch()
        written = self.incident(pid=server.pid)
        wait_until(lambda: self.tracebacks(server) == ["BrokenPipeError"], 10, server.text())
        late = self.machine.start("python3", "-c", REUSING_CLIENT, PORT, "/small")
        reused = self.assert_reused_too_late(PORT, server, late)
        written, _ = self.assert_told_of_no_more((server, client, late), written, reused)
        self.assert_verdict(written, "write_after_peer_close", "certain", "fault")
        self.assert_errors(written, ("EPIPE", "sendto"))
        self.assert_advice(written, "`BrokenPipeError`")
        self.assertEqual(written["sigpipe"], "ignored")
        self.assert_peer(written, client.pid, "close")
        self.assert_kernel_saw_reset(written)
        self.assert_kernel_saw_sigpipe(written)


if __name__ == "__main__":
    main()
