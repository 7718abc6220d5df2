"""haproxy between a client and a server: its timeouts, health checks and aborts, and ends that leave or die."""
import signal

from app_case import main
from web_ends import STEP_SECONDS, WebCase

CONFIGURATION = """
global
    log stderr format raw local0
defaults
    log global
    mode {mode}
    option {mode}log
    timeout connect 5s
    timeout client {client}
    timeout server {server}
    {defaults}
frontend front
    bind 127.0.0.1:8080 {bind}
    default_backend back
backend back
    {backend}
    server s1 127.0.0.1:9000 {options}
"""
HANG = """
end = accept(9000)
head(end)
step("works")
attempt(end.sendall, OK)
"""
GET_AND_PRINT = """
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(GET)
print(head(end)[:12], flush=True)
"""


class Haproxy(WebCase):
    def haproxy(self, mode="http", client="20s", server="20s", defaults="", bind="", backend="", options=""):
        text = CONFIGURATION.format(mode=mode, client=client, server=server, defaults=defaults, bind=bind,
                                    backend=backend, options=options)
        (self.directory / "haproxy.cfg").write_text(text)
        program = self.here.start("/usr/sbin/haproxy", "-db", "-f", "/case/haproxy.cfg")
        self.here.wait_listens(8080)
        return program

    def test_server_takes_longer_than_its_timeout(self):
        server = self.upstream(HANG)
        haproxy = self.haproxy(server="300ms")
        self.start_tracing()
        client = self.script(GET_AND_PRINT)
        client.wait_log("HTTP/1.1 504", STEP_SECONDS)
        haproxy.wait_log(" sH-- ", STEP_SECONDS)
        self.go_on(server, "works")
        server.wait_log("failed sendall 104", STEP_SECONDS)
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "peer_abortive_close", severity="fault")
        self.assert_errors(incident, ("ECONNRESET", "sendto"))
        self.assert_peer(incident, haproxy.pid, "abort")
        self.assertGreaterEqual(incident["endpoint"]["idle_us"], 300_000)
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "timeout server")
        self.assert_told_alone(incident)

    def test_tunnel_falls_silent(self):
        """In tcp mode its FIN comes first, and the abort when both sides have been shut down."""
        server = self.upstream("end = accept(9000)\nend.recv(5)\nstep('works')\nattempt(end.sendall, OK)\n")
        haproxy = self.haproxy(mode="tcp", server="300ms")
        self.start_tracing()
        client = self.script("""
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(b"hello")
attempt(end.recv, 1)
""")
        client.wait_log("did recv b''", STEP_SECONDS)
        haproxy.wait_log(" sD ", STEP_SECONDS)
        self.go_on(server, "works")
        server.wait_log("failed sendall 32", STEP_SECONDS)
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assert_peer(incident, haproxy.pid, "abort")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_told_alone(incident)

    def test_pool_uses_a_connection_that_haproxy_closed(self):
        self.upstream("end = accept(9000)\nhead(end)\nend.sendall(OK)\nstep('answered')\n")
        haproxy = self.haproxy(defaults="timeout http-keep-alive 300ms")
        self.start_tracing()
        client = self.script("""
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(GET)
head(end)
wait_let_go(end)
while attempt(end.sendall, GET):
    pass
""")
        client.wait_log("failed sendall 32", STEP_SECONDS)
        incident = self.incident(pid=client.pid)
        self.assert_verdict(incident, "write_after_peer_close")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assert_peer(incident, haproxy.pid, "close")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_advice(incident, "timeout http-keep-alive")
        self.assert_told_alone(incident)

    def test_client_aborts_and_the_server_hears_of_it(self):
        """The client's RST, and what haproxy then does to the server, are one chain."""
        server = self.upstream("end = accept(9000)\nhead(end)\nstep('works')\nattempt(end.sendall, BEGIN)\n")
        haproxy = self.haproxy(defaults="option abortonclose")
        self.start_tracing()
        client = self.script("""
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(GET)
step("asked")
abort(end)
""")
        server.wait_log("works")
        self.go_on(client, "asked")
        haproxy.wait_log(" CD-- ", STEP_SECONDS)
        self.go_on(server, "works")
        server.wait_log("failed sendall 104", STEP_SECONDS)
        cause = self.incident(pid=haproxy.pid)
        self.assert_verdict(cause, "peer_abortive_close")
        self.assert_errors(cause, ("ECONNRESET", "recvfrom"))
        self.assert_peer(cause, client.pid, "abort")
        self.assert_kernel_saw_reset(cause)
        effect = self.incident(pid=server.pid)
        self.assert_verdict(effect, "peer_abortive_close")
        self.assert_peer(effect, haproxy.pid, "abort")
        self.assertEqual(effect["caused_by"], cause["id"])
        self.assertIn(f"Look at what haproxy[{haproxy.pid}] met", effect["verdict"]["advice"])
        self.assert_kernel_saw_reset(effect)
        self.assert_told_alone(cause, effect)

    def test_server_is_killed_with_the_request_unread(self):
        server = self.upstream("end = accept(9000)\nend.recv(5)\nos.kill(os.getpid(), signal.SIGKILL)\n")
        haproxy = self.haproxy()
        self.start_tracing()
        client = self.script(GET_AND_PRINT)
        client.wait_log("HTTP/1.1 502", STEP_SECONDS)
        haproxy.wait_log(" SH-- ", STEP_SECONDS)
        incident = self.incident(pid=haproxy.pid)
        self.assert_verdict(incident, "peer_process_died")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, server.pid, "killed")
        self.assertEqual(server.wait(), -signal.SIGKILL)
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "retry-on")
        self.assert_told_alone(incident)

    def test_nothing_listens(self):
        """A retry and a redispatch are connections, and so incidents, of their own."""
        haproxy = self.haproxy(defaults="retries 1\n    option redispatch 1", backend="server s0 127.0.0.1:9001")
        self.start_tracing()
        client = self.script(GET_AND_PRINT)
        client.wait_log("HTTP/1.1 503", STEP_SECONDS)
        haproxy.wait_log(" SC-- ", STEP_SECONDS)
        told = [self.incident(pid=haproxy.pid, remote=f"127.0.0.1:{port}") for port in (9000, 9001)]
        for incident in told:
            self.assert_verdict(incident, "connection_refused", severity="warning")
            self.assert_errors(incident, ("ECONNREFUSED", "connect"))
            self.assert_kernel_saw_reset(incident)
            self.assert_advice(incident, "option redispatch")
        self.assert_told_alone(*told)

    def test_plain_health_check(self):
        """It resets in place of the handshake's last segment, so that the server is told nothing at all."""
        self.start_tracing("--port", "9000")
        haproxy = self.haproxy(options="check inter 100ms fall 1 rise 3")
        haproxy.wait_log("is DOWN, reason: Layer4 connection problem", STEP_SECONDS)
        server = self.upstream("attempt(listen(9000).accept)")
        haproxy.wait_log("is UP, reason: Layer4 check passed", STEP_SECONDS)
        refused = [told for told in self.stop_tracing() if told["process"]["pid"] in (haproxy.pid, server.pid)]
        self.assertGreater(len(refused), 0)
        for incident in refused:
            self.assertEqual(incident["process"]["pid"], haproxy.pid)
            self.assert_verdict(incident, "connection_refused", severity="warning")
            self.assert_kernel_saw_reset(incident)
        self.assertNotIn("did accept", server.text())

    def test_health_check_resets_on_purpose(self):
        """A check that connects and is gone: benign, told of who accepted it."""
        server = self.upstream("""
listener = listen(9000)
while True:
    end = listener.accept()[0]
    step("accepted")
    attempt(end.recv, 1)
""")
        self.start_tracing()
        haproxy = self.haproxy(backend="option tcp-check\n    tcp-check connect\n    tcp-check expect string 220",
                               options="check inter 10s", defaults="timeout check 200ms")
        haproxy.wait_log("Layer7 timeout", STEP_SECONDS)
        self.go_on(server, "accepted")
        server.wait_log("failed recv 104", STEP_SECONDS)
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, haproxy.pid, "abort")
        self.assertEqual(incident["endpoint"]["bytes_received"], 0)
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "option httpchk")
        self.assert_told_alone(incident)

    def test_connection_is_rejected(self):
        """What a client meets that is turned away at once: no health check."""
        haproxy = self.haproxy(bind="\n    tcp-request connection reject")
        self.start_tracing()
        client = self.script("end = socket.create_connection(('127.0.0.1', 8080))\nattempt(end.recv, 1)\n")
        client.wait_log("failed recv 104", STEP_SECONDS)
        incident = self.incident(pid=client.pid)
        self.assert_verdict(incident, "peer_abortive_close", severity="fault")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, haproxy.pid, "abort")
        self.assertNotIn("health check", incident["verdict"]["summary"])
        self.assert_kernel_saw_reset(incident)
        self.assert_told_alone(incident)


if __name__ == "__main__":
    main()
