"""Go: its HTTP server and caddy, whose clients left, and a program whose reader is done."""
import os

from app_case import main, wait_until
from http_cases import CURL_TIMED_OUT, REUSING_CLIENT, HttpCase, catches_sigpipe

PORT, CADDY_PORT = 9100, 9200
BUILD_SECONDS = 50

# /small answers at once, /big without end; /burst writes, waits for a file and writes on. As "print N" it prints
# to its descriptor N, for ever, unless that fails.
PROGRAM = """
package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	if os.Args[1] == "print" {
		number, _ := strconv.Atoi(os.Args[2])
		out := os.NewFile(uintptr(number), "out")
		for {
			if _, err := fmt.Fprintln(out, "line"); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(3)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	chunk := make([]byte, 8192)
	write := func(answer http.ResponseWriter) bool {
		_, err := answer.Write(chunk)
		if err == nil {
			answer.(http.Flusher).Flush()
			return true
		}
		fmt.Println(err)
		return false
	}
	http.HandleFunc("/small", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "x") })
	http.HandleFunc("/big", func(answer http.ResponseWriter, _ *http.Request) {
		for write(answer) {
		}
	})
	http.HandleFunc("/burst", func(answer http.ResponseWriter, _ *http.Request) {
		write(answer)
		for turn := 0; turn < 4000; turn++ {
			if _, err := os.Stat("/case/client-left"); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		for write(answer) {
		}
	})
	server := &http.Server{Addr: ":9100", IdleTimeout: 200 * time.Millisecond}
	fmt.Println(server.ListenAndServe())
}
"""
CADDYFILE = """{
	admin off
	auto_https off
}
:9200 {
	root * /case/www
	file_server
}
"""


class Go(HttpCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def build(self):
        (self.directory / "program.go").write_text(PROGRAM)
        built = self.machine.run("/usr/lib/go-1.19/bin/go", "build", "-o", "/case/gonelisten", "program.go",
                                 env={"GOCACHE": "/tmp/gocache", "GO111MODULE": "off"}, seconds=BUILD_SECONDS)
        self.assertEqual(built.returncode, 0, built.stderr)

    def curl(self, port, path, *options):
        return self.machine.start("curl", "--silent", "--output", "/dev/null", *options, f"http://127.0.0.1:{port}{path}")

    def test_clients_that_leave_its_server(self):
        self.build()
        server = self.machine.start("/case/gonelisten", "serve")
        self.machine.wait_listens(PORT)
        self.start_tracing("--port", PORT)
        early = self.curl(PORT, "/burst", "--max-time", "0.5")
        self.assertEqual(early.wait(20), CURL_TIMED_OUT, early.text())
        (self.directory / "client-left").touch()
        written = self.incident(pid=server.pid)
        server.wait_log("write: broken pipe")
        dying = self.curl(PORT, "/big", "--limit-rate", "1k")
        wait_until(lambda: self.machine.unread_by_clients_of(PORT) > 10_000, 20, "the response is under way")
        dying.kill()
        dying.wait()
        died = self.incident(pid=server.pid, cause="peer_process_died")
        # Broken pipe, where the server's reading took the reset.
        wait_until(lambda: len(server.text().splitlines()) == 2, 10, server.text())
        self.assertRegex(server.text().splitlines()[1], "write: (connection reset by peer|broken pipe)")
        late = self.machine.start("python3", "-c", REUSING_CLIENT, PORT, "/small")
        reused = self.assert_reused_too_late(PORT, server, late)
        written, died, _ = self.assert_told_of_no_more((server, early, dying, late), written, died, reused)

        self.assert_verdict(written, "write_after_peer_close", "certain", "fault")
        self.assert_errors(written, ("EPIPE", "write"))
        # The runtime's own handler: what it does for a descriptor beyond 2 is nothing.
        self.assertEqual(written["sigpipe"], "handled")
        self.assertTrue(catches_sigpipe(server.pid))
        self.assert_peer(written, early.pid, "close")
        self.assert_kernel_saw_sigpipe(written)
        self.assert_verdict(died, "peer_process_died", "certain", "fault")
        self.assertEqual(died["errors"][0]["errno"], "ECONNRESET")
        self.assert_peer(died, dying.pid, "killed")
        self.assertGreater(died["peer"]["unread_bytes"], 0)
        for incident in (written, died):
            self.assertEqual(incident["process"]["comm"], "gonelisten")
            self.assert_kernel_saw_reset(incident)

    def test_reader_of_its_output_is_done(self):
        """An EPIPE on descriptor 1 or 2 makes the runtime raise SIGPIPE again, at its default; on others none."""
        self.build()
        self.start_tracing("--kind", "pipe", "--comm", "gonelisten")
        for number, status, fate in ((1, -13, "killed"), (5, 3, "handled")):
            with self.subTest(descriptor=number):
                reader, writer = os.pipe()
                head = self.machine.start("head", "-n", "1", stdin=reader, log=f"head-{number}")
                program = self.machine.start("bash", "-c", f"exec /case/gonelisten print {number} {number}>&1", stdout=writer)
                os.close(reader)
                os.close(writer)
                self.assertEqual(head.wait(20), 0)
                self.assertEqual(program.wait(20), status, program.text())
                incident = self.incident(pid=program.pid)
                self.assert_verdict(incident, "pipe_reader_closed", "certain", "benign")
                self.assert_errors(incident, ("EPIPE", "write"))
                self.assertEqual(incident["endpoint"]["fd"], number)
                self.assertEqual(incident["sigpipe"], fate)
                self.assert_peer(incident, head.pid)
                self.assert_kernel_saw_sigpipe(incident)
        self.stop_tracing()

    def test_client_leaves_caddy(self):
        (self.directory / "www").mkdir()
        (self.directory / "www/big").write_bytes(bytes(30_000_000))
        (self.directory / "Caddyfile").write_text(CADDYFILE)
        caddy = self.machine.start("caddy", "run", "--config", "/case/Caddyfile", "--adapter", "caddyfile",
                                   env={"HOME": "/tmp"})
        self.machine.wait_listens(CADDY_PORT)
        self.start_tracing("--port", CADDY_PORT)
        client = self.curl(CADDY_PORT, "/big", "--limit-rate", "1k", "--max-time", "1")
        self.assertEqual(client.wait(20), CURL_TIMED_OUT, client.text())
        incident = self.incident(pid=caddy.pid)
        [incident] = self.assert_told_of_no_more((caddy, client), incident)
        self.assert_verdict(incident, "peer_closed_unread_data", "certain", "fault")
        # One thread reads for the client's next request, another sends: the error is told to one of them.
        told = [error["errno"] for error in incident["errors"]]
        self.assertEqual(told.count("ECONNRESET"), 1)
        # Had a part of it gone well, sendfile returned a count: what its program was told is deduced.
        inferred = {error["syscall"] for error in incident["errors"] if error["inferred"]}
        self.assertLessEqual(inferred, {"sendfile"})
        self.assertEqual({error["syscall"] for error in incident["errors"]} - {"read", "sendfile"}, set())
        self.assert_peer(incident, client.pid, "close")
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assert_kernel_saw_reset(incident)


if __name__ == "__main__":
    main()
