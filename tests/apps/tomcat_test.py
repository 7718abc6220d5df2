"""Tomcat 10 on Debian's JRE: clients that leave, and connections that it has closed.

JSPs are the servlets: Tomcat's own Jasper compiles them, so that no JDK is needed.
"""

from app_case import main, wait_until
from http_cases import CURL_TIMED_OUT, REUSING_CLIENT, HttpCase, catches_sigpipe

PORT = 8080
HOME = "/usr/share/tomcat10"
CLASSES = f"{HOME}/bin/bootstrap.jar:{HOME}/bin/tomcat-juli.jar"
START_SECONDS = 40

SERVER_XML = f"""<Server port="-1">
  <Service name="Catalina">
    <Connector port="{PORT}" protocol="HTTP/1.1" connectionTimeout="20000" keepAliveTimeout="700"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false"/>
    </Engine>
  </Service>
</Server>
"""
CONTEXT_XML = """<Context>
  <JarScanner><JarScanFilter defaultTldScan="false" defaultPluggabilityScan="false"/></JarScanner>
</Context>
"""
LOGGING = """handlers = 1localhost.org.apache.juli.FileHandler, java.util.logging.ConsoleHandler
.handlers = java.util.logging.ConsoleHandler
java.util.logging.ConsoleHandler.formatter = org.apache.juli.OneLineFormatter
1localhost.org.apache.juli.FileHandler.directory = ${catalina.base}/logs
1localhost.org.apache.juli.FileHandler.prefix = localhost
1localhost.org.apache.juli.FileHandler.suffix = .log
1localhost.org.apache.juli.FileHandler.rotatable = false
org.apache.catalina.core.ContainerBase.[Catalina].[localhost].handlers = 1localhost.org.apache.juli.FileHandler
"""
# After its first chunk it waits for a file, if it is told one.
STREAM_JSP = """<%@ page session="false" trimDirectiveWhitespaces="true" %><%
    jakarta.servlet.ServletOutputStream body = response.getOutputStream();
    String awaited = request.getParameter("until");
    int chunks = Integer.parseInt(request.getParameter("chunks"));
    for (int i = 0; i < chunks; i++) {
        body.write(new byte[8192]);
        body.flush();
        for (int turn = 0; awaited != null && turn < 4000 && !new java.io.File(awaited).exists(); turn++)
            Thread.sleep(5);
    }
%>"""


class Tomcat(HttpCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()
        self.base = self.directory / "base"
        for folder in ("conf", "logs", "temp", "webapps/ROOT"):
            (self.base / folder).mkdir(parents=True)
        for name, text in (("server.xml", SERVER_XML), ("context.xml", CONTEXT_XML), ("logging.properties", LOGGING)):
            (self.base / "conf" / name).write_text(text)
        for name in ("web.xml", "catalina.properties"):
            (self.base / "conf" / name).write_bytes(self.machine.path(f"/etc/tomcat10/{name}").read_bytes())
        (self.base / "webapps/ROOT/stream.jsp").write_text(STREAM_JSP)
        self.server = self.machine.start(
            "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", CLASSES, f"-Dcatalina.home={HOME}",
            "-Dcatalina.base=/case/base", "-Djava.io.tmpdir=/case/base/temp",
            "-Djava.util.logging.config.file=/case/base/conf/logging.properties",
            "-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager",
            "org.apache.catalina.startup.Bootstrap", "start", log="catalina.out")
        self.server.wait_log("Server startup in", START_SECONDS)
        compiled = self.curl("chunks=1")
        self.assertEqual(compiled.wait(START_SECONDS), 0, compiled.text())

    def curl(self, query, *options):
        return self.machine.start("curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", *options,
                                  f"http://127.0.0.1:{PORT}/stream.jsp?{query}")

    def wait_aborts(self, *messages):
        """Tomcat's own word for it, once for each client that left."""
        log = self.base / "logs/localhost.log"

        def aborts():
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            return sorted(line.split("ClientAbortException: ")[1] for line in lines if "ClientAbortException: " in line)
        wait_until(lambda: len(aborts()) >= len(messages), 10, f"ClientAbortException in {log}")
        self.assertEqual(aborts(), sorted(messages))

    def assert_of_server(self, incident, client, action):
        """What holds of each incident whose victim is Tomcat."""
        self.assertTrue(incident["endpoint"]["local"].endswith(f":{PORT}"))
        self.assertEqual(incident["process"]["comm"], "java")
        self.assertTrue(all(error["thread"].startswith("http-nio-8080-") for error in incident["errors"]))
        self.assertEqual(incident["first_close"], "peer")
        self.assertEqual(incident["sigpipe"], "handled")
        self.assertTrue(catches_sigpipe(self.server.pid))
        self.assert_peer(incident, client.pid, action)
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_advice(incident, "Tomcat", "`connectionTimeout`")

    def test_client_times_out_while_a_servlet_streams(self):
        self.start_tracing("--port", PORT, "--log", self.base / "logs/localhost.log")
        client = self.curl("chunks=3&until=/case/client-left", "--max-time", "1")
        self.assertEqual(client.wait(20), CURL_TIMED_OUT, client.text())
        (self.directory / "client-left").touch()
        incident = self.incident(pid=self.server.pid)
        self.wait_aborts("java.io.IOException: Broken pipe")
        [incident] = self.assert_told_of_no_more((self.server, client), incident)
        self.assert_verdict(incident, "write_after_peer_close", "certain", "fault")
        self.assert_errors(incident, ("EPIPE", "write"))
        self.assertEqual(incident["rst"]["state"], "CLOSE_WAIT")
        self.assertGreater(incident["endpoint"]["age_us"], 900_000)
        self.assert_of_server(incident, client, "close")
        # The program's own word stands beside the RST that made it.
        [told] = [line for line in incident["log"] if "ClientAbortException: java.io.IOException" in line["line"]]
        self.assertGreater(told["t_us"], 0)

    def test_client_leaves_or_dies_with_the_response_unread(self):
        self.start_tracing("--port", PORT)
        leaving = self.curl("chunks=9000", "--limit-rate", "1k", "--max-time", "1")
        self.assertEqual(leaving.wait(20), CURL_TIMED_OUT, leaving.text())
        left = self.incident(pid=self.server.pid)
        dying = self.curl("chunks=9000", "--limit-rate", "1k")
        wait_until(lambda: self.machine.unread_by_clients_of(PORT) > 10_000, 20, "the response is under way")
        dying.kill()
        dying.wait()
        died = self.incident(pid=self.server.pid, cause="peer_process_died")
        self.wait_aborts(*2 * ["java.io.IOException: Connection reset by peer"])
        left, died = self.assert_told_of_no_more((self.server, leaving, dying), left, died)
        self.assert_verdict(left, "peer_closed_unread_data", "certain", "fault")
        self.assert_of_server(left, leaving, "close")
        self.assert_verdict(died, "peer_process_died", "certain", "fault")
        self.assert_of_server(died, dying, "killed")
        for incident in (left, died):
            self.assert_errors(incident, ("ECONNRESET", "write"), ("EPIPE", "write"))
            self.assertEqual(incident["rst"]["why"], "TCP_ABORT_ON_CLOSE")
            self.assertGreater(incident["peer"]["unread_bytes"], 0)

    def test_half_closed_client_gets_its_answer(self):
        """A FIN alone is no failure: the client still reads."""
        self.start_tracing("--port", PORT)
        client = self.machine.start("python3", "-c", f"""
import socket
end = socket.create_connection(("127.0.0.1", {PORT}))
end.sendall(b"GET /stream.jsp?chunks=100 HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
end.shutdown(socket.SHUT_WR)
size = 0
while part := end.recv(65536):
    size += len(part)
print(end.getsockname()[1], size)
""")
        self.assertEqual(client.wait(20), 0, client.text())
        port, size = map(int, client.text().split())
        self.assertGreater(size, 100 * 8192)
        self.assert_told_of_no_more((self.server, client))
        self.assertEqual([ends for ends in self.kernel.resets_received() if sorted(ends) == sorted((PORT, port))], [])

    def test_idle_connection_is_used_too_late(self):
        """keepAliveTimeout has ended it."""
        self.start_tracing("--port", PORT)
        client = self.machine.start("python3", "-c", REUSING_CLIENT, PORT, "/stream.jsp?chunks=1")
        incident = self.assert_reused_too_late(PORT, self.server, client)
        self.assert_told_of_no_more((self.server, client), incident)

    def test_upload_that_it_refuses(self):
        """maxSwallowSize: what is left of a body beyond it is not read. Java closes a channel that a selector
        holds in two steps: a FIN at once, the descriptor at the next select()."""
        self.start_tracing("--port", PORT)
        client = self.machine.start("python3", "-c", f"""
import http.client
connection = http.client.HTTPConnection("127.0.0.1", {PORT}, timeout=20)
try:
    connection.request("POST", "/nothing", body=bytes(20_000_000))
    print(connection.getresponse().status)
except OSError as error:
    print(type(error).__name__)
""")
        self.assertEqual(client.wait(30), 0, client.text())
        self.assertEqual(client.text(), "BrokenPipeError\n")
        incident = self.incident(pid=client.pid)
        [incident] = self.assert_told_of_no_more((self.server, client), incident)
        self.assert_verdict(incident, "peer_closed_unread_data", "certain", "fault")
        self.assertIn("had ended its sending", incident["verdict"]["summary"])
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assertGreater(incident["endpoint"]["bytes_sent"], 2 * 1024 * 1024)
        self.assert_peer(incident, self.server.pid, "close")
        self.assert_kernel_saw_reset(incident)


if __name__ == "__main__":
    main()
