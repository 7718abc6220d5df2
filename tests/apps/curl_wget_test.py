"""curl and wget: servers that reset, die or close early, uploads that break, and outputs that nobody reads."""
import os
import signal
import subprocess

from app_case import main, wait_until
from web_ends import STEP_SECONDS, WebCase

URL = "http://127.0.0.1:9000/"
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhello"
RESET_IN_THE_MIDST = f"end = accept(9000)\nhead(end)\nend.sendall({PART})\nstep('began')\nabort(end)\n"
KILLED_IN_THE_MIDST = f"""
end = accept(9000)
end.recv(10)
end.sendall({PART})
step('began')
os.kill(os.getpid(), signal.SIGKILL)
"""
STREAM = """
end = accept(9000)
head(end)
end.sendall(BEGIN)
end.settimeout(0.3)
try:
    while True:
        end.sendall(b"x" * 100_000)
except TimeoutError:
    print("full", flush=True)
end.settimeout(None)
while attempt(end.sendall, b"x" * 100_000):
    pass
"""


class CurlAndWget(WebCase):
    def fetch(self, server_text, *command):
        """Run the command against a server that stops in mid-answer; its incident, itself and the server."""
        server = self.upstream(server_text)
        self.start_tracing()
        program = self.here.start(*command)
        self.go_on(server, "began")
        incident = self.incident(pid=program.pid)
        self.assert_kernel_saw_reset(incident)
        return incident, program, server

    def reset_seen(self):
        return any(remote == 9000 for _, remote in self.kernel.resets_received())

    def test_curl_meets_a_reset(self):
        incident, curl, server = self.fetch(RESET_IN_THE_MIDST, "curl", "-sS", URL)
        self.assertEqual(curl.wait(), 56)
        self.assertIn("curl: (56) Recv failure: Connection reset by peer", curl.text())
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, server.pid, "abort")
        self.assertEqual(incident["endpoint"]["bytes_received"], len(PART))
        self.assert_advice(incident, "--retry-all-errors")
        self.assert_told_alone(incident)

    def test_wget_meets_a_reset(self):
        incident, wget, server = self.fetch(RESET_IN_THE_MIDST, "wget", "-t", "1", "-O", "/dev/null", URL)
        self.assertEqual(wget.wait(), 4)
        self.assertIn("Read error at byte 5/5000 (Connection reset by peer)", wget.text())
        self.assert_verdict(incident, "peer_abortive_close")
        self.assert_errors(incident, ("ECONNRESET", "read"))
        self.assert_peer(incident, server.pid, "abort")
        self.assert_advice(incident, "--tries")
        self.assert_told_alone(incident)

    def test_curl_when_the_server_is_killed(self):
        incident, curl, server = self.fetch(KILLED_IN_THE_MIDST, "curl", "-sS", URL)
        self.assertEqual((curl.wait(), server.wait()), (56, -signal.SIGKILL))
        self.assert_verdict(incident, "peer_process_died")
        self.assert_errors(incident, ("ECONNRESET", "recvfrom"))
        self.assert_peer(incident, server.pid, "killed")
        self.assert_told_alone(incident)

    def test_curl_upload_to_a_server_that_closed(self):
        """curl reads its input, not the connection, and so writes on after the FIN."""
        server = self.upstream("""
end = accept(9000)
text = b""
while b"one" not in text:
    text += end.recv(4096)
end.close()
step("closed")
""")
        self.start_tracing()
        read, write = os.pipe()
        feeder, given = open(read, "rb"), open(write, "wb", buffering=0)
        curl = self.here.start("curl", "-sS", "-N", "-T", "-", "-H", "Expect:", URL, stdin=feeder)
        feeder.close()
        given.write(b"one\n")
        server.wait_log("closed", STEP_SECONDS)
        given.write(b"two\n")
        wait_until(self.reset_seen, STEP_SECONDS, "the answer to what came after the close")
        given.write(b"three\n")
        given.close()
        self.assertEqual(curl.wait(), 55)
        self.assertIn("curl: (55) Send failure: Broken pipe", curl.text())
        incident = self.incident(pid=curl.pid)
        self.assert_verdict(incident, "write_after_peer_close")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assertEqual(incident["sigpipe"], "suppressed")
        self.assert_peer(incident, server.pid, "close")
        self.assert_kernel_saw_reset(incident)
        self.assert_told_alone(incident)

    def test_wget_post_that_is_not_read(self):
        (self.directory / "form").write_bytes(b"x" * 20_000_000)
        server = self.upstream("""
end = accept(9000)
head(end)
select.select([end], [], [])
end.close()
step("closed")
""")
        self.start_tracing()
        wget = self.here.start("wget", "-t", "1", "-O", "/dev/null", "--post-file=/case/form", URL)
        self.assertEqual(wget.wait(STEP_SECONDS), 4)
        incident = self.incident(pid=wget.pid)
        self.assert_verdict(incident, "peer_closed_unread_data")
        self.assert_errors(incident, ("ECONNRESET", "write"))
        self.assert_peer(incident, server.pid, "close")
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assert_kernel_saw_reset(incident)
        self.assert_told_alone(incident)

    def test_curl_reuses_a_connection_that_was_reset(self):
        """Two addresses, one connection: the second request meets what became of it since the first."""
        server = self.upstream("""
listener = listen(9000)
end = listener.accept()[0]
head(end)
end.sendall(OK)
abort(end)
end = listener.accept()[0]
head(end)
end.sendall(OK)
""")
        self.start_tracing()
        curl = self.here.start("curl", "-sS", "--rate", "2/s", URL + "a", URL + "b")
        self.assertEqual(curl.wait(STEP_SECONDS), 0, curl.text())
        self.assertEqual(curl.text(), "okok")
        incident = self.incident(pid=curl.pid)
        self.assert_verdict(incident, "peer_abortive_close")
        self.assertEqual(incident["errors"][0]["errno"], "ECONNRESET")
        self.assert_peer(incident, server.pid, "abort")
        self.assert_kernel_saw_reset(incident)
        self.assert_told_alone(incident)

    def test_nothing_listens(self):
        self.start_tracing()
        for command, status in (("curl", 7), ("wget", 4)):
            arguments = ["-sS"] if command == "curl" else ["-t", "1"]
            program = self.here.start(command, *arguments, URL)
            self.assertEqual(program.wait(STEP_SECONDS), status, program.text())
            incident = self.incident(pid=program.pid)
            self.assert_verdict(incident, "connection_refused", severity="warning")
            self.assertEqual(incident["errors"][0]["errno"], "ECONNREFUSED")
            self.assert_kernel_saw_reset(incident)
            self.assert_advice(incident, "--retry-connrefused")

    def into_head(self, command, status, said):
        """`COMMAND | head -c 100`, which begins to read when all is full: what is written breaks, and so what is
        read is broken off."""
        server = self.upstream(STREAM)
        self.start_tracing()
        line = (f"exec 3<&0; {command} {URL} | {{ echo waits >&2; read -u 3; exec head -c 100 > /dev/null; }};"
                " echo status ${PIPESTATUS[0]}")
        shell = self.here.start("bash", "-c", line, stdin=subprocess.PIPE)
        server.wait_log("full", STEP_SECONDS)
        self.go_on(shell, "waits")
        shell.wait_log(f"status {status}", STEP_SECONDS)
        self.assertIn(said, shell.text())
        server.wait_log("failed sendall 104", STEP_SECONDS)
        effect = self.incident(pid=server.pid)
        self.assert_verdict(effect, "peer_closed_unread_data")
        self.assert_errors(effect, ("ECONNRESET", "sendto"))
        self.assert_kernel_saw_reset(effect)
        cause = self.incident(pid=effect["peer"]["pid"])
        self.assert_verdict(cause, "pipe_reader_closed", severity="benign")
        self.assert_errors(cause, ("EPIPE", "write"))
        self.assertEqual((cause["process"]["comm"], cause["sigpipe"]), (command.split()[0], "ignored"))
        self.assert_kernel_saw_sigpipe(cause)
        self.assertEqual(effect["caused_by"], cause["id"])
        self.assert_told_alone(effect, cause)

    def test_curl_into_head(self):
        self.into_head("curl -sS", 23, "curl: (23) Fail")

    def test_wget_into_head(self):
        self.into_head("wget -O -", 3, "Cannot write to")


if __name__ == "__main__":
    main()
