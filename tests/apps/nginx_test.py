"""nginx as proxy and as server of files, with clients and upstreams that leave, reset, die or refuse."""
import os
import signal

from app_case import main, wait_until
from host import connect, wait_for_text
from web_ends import STEP_SECONDS, WebCase

CONFIGURATION = """
daemon off;
worker_processes 1;
error_log /case/error.log info;
pid /run/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log /case/access.log;
    {http}
}}
"""
PROXY = "server {{ listen 8080; location / {{ proxy_pass http://127.0.0.1:9000; {more} }} }}"
POOL = """
upstream pool {{ server {upstream}:9000; keepalive 4; }}
server {{
    listen 8080;
    location / {{ proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header Connection ""; }}
}}"""
FILES = "server { listen 8080; root /case; }"

# Clients.
GET_AND_PRINT = """
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(GET)
print(head(end)[:12], flush=True)
"""
GET_AND_LEAVE = """
end = socket.create_connection(("127.0.0.1", 8080))
print("port", end.getsockname()[1], flush=True)
end.sendall(GET)
step("asked")
end.close()
"""
GET_AND_ABORT = GET_AND_LEAVE.replace("end.close()", "abort(end)")
POST_TWICE = """
end = socket.create_connection(("127.0.0.1", 8080))
for _ in range(2):
    end.sendall(GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 2\\r\\nHost") + b"ab")
    print(head(end)[:12], flush=True)
    step("answered")
"""
# Upstreams.
ANSWER_LATE = """
end = accept(9000)
head(end)
step("works")
attempt(end.sendall, BEGIN)
step("began")
attempt(end.sendall, b"x" * 5000)
step("sent")
"""


class Nginx(WebCase):
    def nginx(self, http, host=None):
        """nginx, when it listens; its one worker's pid."""
        (self.directory / "nginx.conf").write_text(CONFIGURATION.format(http=http))
        self.server = (host or self.here).start("/usr/sbin/nginx", "-c", "/case/nginx.conf")
        (host or self.here).wait_listens(8080)
        return wait_until(lambda: self.children(self.server), STEP_SECONDS, "nginx's worker")[0]

    def logged(self, *texts, log="error.log"):
        for text in texts:
            wait_for_text(self.directory / log, text, STEP_SECONDS)

    def error_line(self, text):
        lines = (self.directory / "error.log").read_text().splitlines()
        return next(line for line in lines if text in line)

    def answered(self, status):
        self.logged(f'" {status} ', log="access.log")

    def test_client_leaves_while_the_upstream_works(self):
        upstream = self.upstream(ANSWER_LATE)
        worker = self.nginx(PROXY.format(more=""))
        self.start_tracing()
        client = self.script(GET_AND_LEAVE)
        upstream.wait_log("works")
        self.go_on(client, "asked")
        self.logged("client prematurely closed connection, so upstream connection is closed too")
        self.answered(499)
        self.go_on(upstream, "works")
        self.go_on(upstream, "began")
        upstream.wait_log("failed sendall 32")
        incident = self.incident(pid=upstream.pid)
        self.assert_verdict(incident, "write_after_peer_close", severity="fault")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assert_peer(incident, worker, "close")
        self.assertEqual((incident["sigpipe"], incident["first_close"]), ("ignored", "peer"))
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_advice(incident, "proxy_ignore_client_abort")
        self.assert_told_alone(incident)

    def test_client_aborts_while_the_upstream_works(self):
        upstream = self.upstream(ANSWER_LATE)
        worker = self.nginx(PROXY.format(more=""))
        self.start_tracing()
        client = self.script(GET_AND_ABORT)
        upstream.wait_log("works")
        self.go_on(client, "asked")
        self.logged("so upstream connection is closed too (104: Connection reset by peer)")
        self.answered(499)
        incident = self.incident(pid=worker)
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "getsockopt"))
        self.assert_peer(incident, client.pid, "abort")
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "proxy_ignore_client_abort")
        self.assert_told_alone(incident)

    def test_client_abort_is_ignored(self):
        upstream = self.upstream(ANSWER_LATE)
        worker = self.nginx(PROXY.format(more="proxy_ignore_client_abort on;"))
        self.start_tracing()
        client = self.script(GET_AND_ABORT)
        upstream.wait_log("works")
        self.go_on(client, "asked")
        client.wait()
        self.go_on(upstream, "works")
        self.go_on(upstream, "began")
        self.logged("writev() failed (104: Connection reset by peer) while sending to client")
        incident = self.incident(pid=worker)
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "writev"))
        self.assert_peer(incident, client.pid, "abort")
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "proxy_ignore_client_abort")

    def test_answer_in_parts_to_a_client_that_left(self):
        upstream = self.upstream(ANSWER_LATE)
        worker = self.nginx(PROXY.format(more="proxy_ignore_client_abort on; proxy_buffering off;"))
        self.start_tracing()
        client = self.script(GET_AND_LEAVE)
        upstream.wait_log("works")
        self.go_on(client, "asked")
        client.wait()
        self.go_on(upstream, "works")
        port = int(client.text().split("port ")[1].split()[0])
        wait_until(lambda: (8080, port) in self.kernel.resets_received(), STEP_SECONDS, "the header draws a RST")
        self.go_on(upstream, "began")
        self.logged("writev() failed (32: Broken pipe) while reading upstream")
        incident = self.incident(pid=worker)
        self.assert_verdict(incident, "write_after_peer_close")
        self.assert_errors(incident, ("EPIPE", "writev"))
        self.assert_peer(incident, client.pid, "close")
        self.assertEqual(incident["sigpipe"], "ignored")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)

    def test_client_leaves_in_mid_download(self):
        with open(self.directory / "big", "wb") as big:
            big.truncate(50_000_000)
        worker = self.nginx("sendfile on; " + FILES)
        self.start_tracing()
        client = self.script("""
            end = socket.create_connection(("127.0.0.1", 8080))
            end.sendall(b"GET /big HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
            end.recv(1000)
            step("began")
            end.close()""".replace("\n            ", "\n"))
        self.go_on(client, "began")
        # Of a sendfile that the RST cut short the next one is told: EPIPE.
        self.logged(" while sending response to client")
        incident = self.incident(pid=worker)
        self.assert_verdict(incident, "peer_closed_unread_data")
        told = [error["errno"] for error in incident["errors"] if not error["inferred"]] or ["ECONNRESET"]
        self.assertIn({"ECONNRESET": "(104: ", "EPIPE": "(32: "}[told[0]], self.error_line(" while sending response"))
        self.assert_peer(incident, client.pid, "close")
        self.assertGreater(incident["peer"]["unread_bytes"], 1000)
        self.assert_kernel_saw_reset(incident)
        self.assert_told_alone(incident)

    def upstream_breaks(self, text, log, more="", get=GET_AND_PRINT):
        """A request whose upstream does what the script says: its incident, the upstream, and the worker."""
        upstream = self.upstream(text)
        worker = self.nginx(PROXY.format(more=more))
        self.start_tracing()
        client = self.script(get)
        client.wait_log("HTTP/1.1 502", STEP_SECONDS)
        self.logged(log)
        self.answered(502)
        incident = self.incident(pid=worker)
        self.assert_kernel_saw_reset(incident)
        return incident, upstream

    RECEIVING = "recv() failed (104: Connection reset by peer) while reading response header from upstream"

    def test_upstream_aborts(self):
        incident, upstream = self.upstream_breaks("end = accept(9000); head(end); abort(end)", self.RECEIVING)
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, upstream.pid, "abort")
        self.assert_advice(incident, "proxy_next_upstream")
        self.assert_told_alone(incident)

    def test_upstream_closes_with_the_request_unread(self):
        incident, upstream = self.upstream_breaks("end = accept(9000); end.recv(10); end.close(); step('closed')",
                                                  self.RECEIVING)
        self.assert_verdict(incident, "peer_closed_unread_data")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, upstream.pid, "close")
        self.assertEqual(incident["peer"]["unread_bytes"], incident["endpoint"]["bytes_sent"] - 10)
        self.assert_told_alone(incident)

    def test_upstream_is_killed(self):
        incident, upstream = self.upstream_breaks(
            "end = accept(9000); end.recv(10); os.kill(os.getpid(), signal.SIGKILL)", self.RECEIVING)
        self.assert_verdict(incident, "peer_process_died")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, upstream.pid, "killed")
        self.assertIn("SIGKILL", incident["verdict"]["summary"])
        self.assert_told_alone(incident)

    def test_upstream_exits_before_it_accepts(self):
        """What waited in its listener's queue is reset, unread."""
        incident, upstream = self.upstream_breaks("""
listener = listen(9000)
def has_request(line):
    where = line.split()
    return where[1].endswith(":2328") and where[3] == "01" and not where[4].endswith(":00000000")
while not any(map(has_request, open("/proc/net/tcp6"))):
    select.select([], [], [], 0.01)
os._exit(0)
""", self.RECEIVING)
        self.assert_verdict(incident, "peer_closed_unread_data")
        self.assert_peer(incident, upstream.pid, "exit")
        self.assertIn("before it had accepted this connection", incident["verdict"]["summary"])
        self.assertNotIn("SHUT_WR", incident["verdict"]["advice"])

    def test_nothing_listens(self):
        worker = self.nginx(PROXY.format(more=""))
        self.start_tracing()
        client = self.script(GET_AND_PRINT)
        client.wait_log("HTTP/1.1 502", STEP_SECONDS)
        self.logged("connect() failed (111: Connection refused) while connecting to upstream")
        incident = self.incident(pid=worker)
        self.assert_verdict(incident, "connection_refused", severity="warning")
        self.assert_errors(incident, ("ECONNREFUSED", "getsockopt"))
        self.assertEqual(incident["endpoint"]["remote"], "127.0.0.1:9000")
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "proxy_pass")
        self.assert_told_alone(incident)

    def test_upstream_closes_as_the_next_request_leaves(self):
        """The keep-alive race between two hosts: what carries the request is lost once, and the FIN comes first."""
        backend = self.host("backend")
        connect(backend, self.here)
        upstream = self.upstream("end = accept(9000); head(end); end.sendall(OK); step('idle'); end.close();"
                                 " step('closed')", host=backend)
        worker = self.nginx(POOL.format(upstream="10.79.0.1"))
        self.start_tracing()
        client = self.script(POST_TWICE)
        client.wait_log("answered")
        self.nft(backend, "add table inet t; add chain inet t c { type filter hook input priority 0; };"
                          " add rule inet t c tcp dport 9000 tcp flags & psh == psh counter drop")
        self.go_on(client, "answered")
        wait_until(lambda: "packets 0" not in self.nft(backend, "list ruleset"), STEP_SECONDS, "a lost segment")
        self.go_on(upstream, "idle")
        self.logged("upstream prematurely closed connection while reading response header from upstream")
        self.nft(backend, "flush ruleset")
        incident = self.incident(pid=worker)
        self.assert_verdict(incident, "close_race", severity="warning")
        self.assert_errors(incident)
        self.assertEqual(incident["rst"]["state"], "LAST_ACK")
        self.assert_peer(incident, upstream.pid, "close")
        self.assertIn("No program was told", incident["verdict"]["summary"])
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "keepalive_timeout")
        self.assert_told_alone(incident)

    def nft(self, host, rules):
        done = host.run("nft", rules)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_pool_uses_a_connection_that_nginx_closed(self):
        worker = self.nginx("keepalive_timeout 1s; server { listen 8080; return 200 ok; }")
        self.start_tracing()
        client = self.script("""
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(GET)
head(end)
while not any(line.split()[2].endswith(":1F90") and line.split()[3] == "08" for line in open("/proc/net/tcp")):
    select.select([], [], [], 0.01)
for _ in range(2):
    attempt(end.sendall, GET)
""")
        client.wait_log("failed sendall 32", STEP_SECONDS)
        incident = self.incident(pid=client.pid)
        self.assert_verdict(incident, "write_after_peer_close")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assert_peer(incident, worker, "close")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_told_alone(incident)

    def test_upload_beyond_the_limit(self):
        """413, and a lingering close that is over before the client is."""
        worker = self.nginx("client_max_body_size 1k; lingering_time 1s; " + FILES)
        self.start_tracing()
        client = self.script("""
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 50000000\\r\\n\\r\\n")
while attempt(end.sendall, b"x" * 1000):
    select.select([], [], [], 0.05)
""")
        client.wait_log("failed sendall", STEP_SECONDS)
        self.logged("client intended to send too large body: 50000000 bytes")
        self.answered(413)
        incident = self.incident(pid=client.pid)
        self.assert_verdict(incident, "peer_closed_unread_data")
        self.assert_errors(incident, ("ECONNRESET", "sendto"))
        self.assert_peer(incident, worker, "close")
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assert_kernel_saw_reset(incident)
        self.assert_advice(incident, "client_max_body_size", "lingering_close")
        self.assert_told_alone(incident)

    def test_fastcgi_program_is_killed(self):
        application = self.upstream("""
end = accept("/run/app.sock")
end.recv(8)
os.kill(os.getpid(), signal.SIGKILL)
""")
        worker = self.nginx("server { listen 8080; location / { fastcgi_pass unix:/run/app.sock;"
                            " fastcgi_param SCRIPT_NAME /app; } }")
        self.start_tracing()
        client = self.script(GET_AND_PRINT)
        client.wait_log("HTTP/1.1 502", STEP_SECONDS)
        self.logged(self.RECEIVING, 'upstream: "fastcgi://unix:/run/app.sock:"')
        incident = self.incident(pid=worker, kind="unix")
        self.assert_verdict(incident, "unix_peer_died")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, application.pid, "killed")
        self.assertEqual(incident["endpoint"]["remote"], "/run/app.sock")
        self.assert_told_alone(incident)

    def ends_while_the_upstream_works(self, end):
        """A client that finds nginx gone, and writes on; its incident and the worker."""
        upstream = self.upstream(ANSWER_LATE)
        worker = self.nginx(PROXY.format(more=""))
        self.start_tracing()
        client = self.script("""
end = socket.create_connection(("127.0.0.1", 8080))
end.sendall(GET)
end.recv(1)
while attempt(end.sendall, b"x"):
    pass
""")
        upstream.wait_log("works")
        end(worker)
        client.wait_log("failed sendall 32", STEP_SECONDS)
        incident = self.incident(pid=client.pid)
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_told_alone(incident)
        return incident, worker

    def test_worker_is_killed(self):
        incident, worker = self.ends_while_the_upstream_works(lambda worker: os.kill(worker, signal.SIGKILL))
        self.logged(f"worker process {worker} exited on signal 9")
        self.assert_verdict(incident, "peer_process_died")
        self.assert_peer(incident, worker, "killed")

    def test_nginx_is_stopped(self):
        incident, worker = self.ends_while_the_upstream_works(lambda _: self.server.kill(signal.SIGTERM))
        self.assert_verdict(incident, "write_after_peer_close")
        self.assert_peer(incident, worker, "exit")
        self.assertIn(f"nginx[{worker}] had exited", incident["verdict"]["summary"])


if __name__ == "__main__":
    main()
