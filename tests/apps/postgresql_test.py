"""PostgreSQL 15: backends whose client is gone, and clients whose backend is."""
import os
import signal
import subprocess

from app_case import AppCase, main, wait_until

BIN = "/usr/lib/postgresql/15/bin"
PORT = 5432
OVER_TCP, OVER_UNIX = ("-h", "127.0.0.1"), ("-h", "/tmp")
SETTINGS = ("fsync=off", f"port={PORT}", "listen_addresses=127.0.0.1", "unix_socket_directories=/tmp",
            "shared_buffers=8MB", "autovacuum=off", "log_disconnections=on")
MANY_ROWS = "copy (select generate_series(1, 100000000)) to stdout"
# Speaks the protocol itself, as a driver's pool does: logs in, and asks when it is told to.
POOLED = """
import socket, struct, sys
if sys.argv[1].startswith("/"):
    end = socket.socket(socket.AF_UNIX)
    end.connect(sys.argv[1] + "/.s.PGSQL.5432")
else:
    end = socket.create_connection((sys.argv[1], 5432))
login = b"user\\0postgres\\0database\\0postgres\\0\\0"
end.sendall(struct.pack("!II", len(login) + 8, 196608) + login)
said = b""
while not said.endswith(b"Z\\0\\0\\0\\5I"):
    said += end.recv(4096)
backend, = struct.unpack("!I", said[said.index(b"K\\0\\0\\0\\x0c") + 5:][:4])
print("backend", backend, flush=True)
question = b"select 1\\0"
for line in sys.stdin:
    try:
        end.sendall(b"Q" + struct.pack("!I", len(question) + 4) + question)
        print("asked", flush=True)
    except OSError as error:
        print("errno", error.errno, flush=True)
"""


class Postgresql(AppCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def server(self, *settings):
        made = self.machine.run(f"{BIN}/initdb", "-D", "/tmp/data", "-A", "trust", "--no-sync", "--locale=C",
                                user="postgres", directory="/tmp")
        self.assertEqual(made.returncode, 0, made.stderr)
        options = [word for setting in (*SETTINGS, *settings) for word in ("-c", setting)]
        server = self.machine.start(f"{BIN}/postgres", "-D", "/tmp/data", *options, user="postgres", directory="/tmp")
        server.wait_log("database system is ready to accept connections")
        return server

    def psql(self, place, *arguments, **options):
        return self.machine.start("psql", "-X", "-At", *place, "-U", "postgres", *arguments, **options)

    def session(self, place):
        """psql at its prompt, and the process id of its backend."""
        psql = self.psql(place, stdin=subprocess.PIPE)
        psql.type("select 'backend ' || pg_backend_pid();")
        psql.wait_log("\n")
        return psql, int(psql.text().split()[1])

    def pooled(self, place):
        client = self.machine.start("python3", "-c", POOLED, place, stdin=subprocess.PIPE)
        return client, int(client.wait_log("\n").split()[1])

    def wait_event(self, event):
        """Wait until the one backend that is active waits so; its process id."""
        def found():
            rows = self.machine.run("psql", "-X", "-At", *OVER_UNIX, "-U", "postgres", "-c",
                                    f"select pid from pg_stat_activity where wait_event = '{event}'").stdout.split()
            return int(rows[0]) if len(rows) == 1 else None
        return wait_until(found, 10, f"a backend waits in {event}")

    def assert_only(self, *incidents):
        """Nothing else is told of any process of theirs."""
        pids = {incident["process"]["pid"] for incident in incidents}
        told = {found["id"] for found in self.stop_tracing() if found["process"]["pid"] in pids}
        self.assertEqual(told, {incident["id"] for incident in incidents}, self._told())

    # The backend's point of view.

    def client_killed_in_a_copy(self, place):
        server = self.server()
        self.start_tracing("--comm", "postgres")
        client = self.psql(place, "-c", MANY_ROWS, stdout=subprocess.DEVNULL)
        wait_until(lambda: "COPY" in self.activity(), 10, "the backend copies")
        client.kill(signal.SIGSTOP)
        backend = self.wait_event("ClientWrite")
        client.kill()
        client.wait()
        server.wait_log("connection to client lost")
        incident = self.incident(pid=backend)
        self.assert_peer(incident, client.pid, "killed")
        self.assertEqual(incident["peer"]["comm"], "psql")
        self.assertIn("SIGKILL", incident["verdict"]["summary"])
        self.assert_only(incident)
        return server, incident

    def activity(self):
        return self.machine.run("psql", "-X", "-At", *OVER_UNIX, "-U", "postgres", "-c",
                                "select upper(query) from pg_stat_activity where query like 'copy%'").stdout

    def test_a_client_killed_with_rows_unread(self):
        server, incident = self.client_killed_in_a_copy(OVER_TCP)
        self.assertIn("could not send data to client: Connection reset by peer", server.text())
        self.assert_verdict(incident, "peer_process_died", severity="fault")
        self.assert_errors(incident, ("ECONNRESET", "sendto"))
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assertEqual((incident["sigpipe"], incident["rst"]["state"]), ("none", "ESTABLISHED"))
        self.assertEqual([step for step in incident["timeline"] if step["event"] == "data_sent"], [])
        self.assert_advice(incident, "client_connection_check_interval", "statement_timeout")
        self.assert_kernel_saw_reset(incident)

    def test_a_client_killed_with_rows_unread_in_a_unix_socket(self):
        server, incident = self.client_killed_in_a_copy(OVER_UNIX)
        self.assertIn("could not send data to client: Broken pipe", server.text())
        self.assert_verdict(incident, "unix_peer_died", severity="fault")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assertEqual((incident["sigpipe"], incident["endpoint"]["local"]), ("ignored", f"/tmp/.s.PGSQL.{PORT}"))
        self.assert_kernel_saw_sigpipe(incident)

    def test_a_client_killed_during_a_long_query(self):
        """It has read all; the first rows draw the RST, and the next meet it."""
        server = self.server()
        self.start_tracing("--comm", "postgres")
        client = self.psql(OVER_TCP, "-c", "select repeat('row', 10000), generate_series(1, 10) from pg_sleep(1.5)")
        backend = self.wait_event("PgSleep")
        client.kill()
        client.wait()
        server.wait_log("could not send data to client: Broken pipe")
        incident = self.incident(pid=backend)
        self.assert_verdict(incident, "peer_process_died", severity="fault")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assertEqual((incident["sigpipe"], incident["rst"]["state"]), ("ignored", "CLOSE_WAIT"))
        self.assert_peer(incident, client.pid, "killed")
        self.assert_advice(incident, "client_connection_check_interval")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_only(incident)

    def test_rows_that_go_to_head(self):
        """The server's log complains of a client that had all it wanted."""
        server = self.server()
        pipeline = self.machine.start("bash", "-c", f"read go; psql -X -At -h 127.0.0.1 -U postgres -c '{MANY_ROWS}' "
                                      "| head -1; echo ${PIPESTATUS[@]}", stdin=subprocess.PIPE)
        self.start_tracing("--comm", "postgres", "--comm", "psql")
        pipeline.type()
        self.assertEqual(pipeline.wait(20), 0)
        self.assertEqual(pipeline.text(), "1\n141 0\n")
        server.wait_log("connection to client lost")
        incident = self.incident(comm="postgres", local=f"127.0.0.1:{PORT}")
        self.assertRegex(incident["verdict"]["summary"], r"It began with psql\[\d+\]: head\[\d+\] had closed its pipe\.$")
        self.assert_verdict(incident, "peer_process_died", severity="benign")
        psql = self.incident(pid=incident["peer"]["pid"])
        self.assert_verdict(psql, "pipe_reader_closed", severity="benign")
        self.assertEqual((psql["sigpipe"], psql["peer"]["comm"], psql["peer"]["action"]), ("killed", "head", "close"))
        self.assertEqual((incident["caused_by"], psql["caused_by"]), (psql["id"], None))
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(psql)
        self.assert_only(incident, psql)

    # The client's point of view.

    def test_a_backend_that_is_killed(self):
        """The others are then ended by the postmaster: their clients lose an orderly end."""
        server = self.server()
        over_tcp, over_unix = self.session(OVER_TCP), self.session(OVER_UNIX)
        self.start_tracing("--comm", "psql")
        os.kill(over_tcp[1], signal.SIGKILL)
        server.wait_log("all server processes terminated")
        for psql, _ in (over_tcp, over_unix):
            psql.type("select 2;")
            psql.process.stdin.close()
            psql.wait()
            self.assertIn("server closed the connection unexpectedly", psql.text())
        psql, backend = over_tcp
        killed = self.incident(pid=psql.pid, kind="tcp")
        self.assert_verdict(killed, "peer_process_died", severity="fault")
        self.assert_errors(killed)
        self.assertEqual((killed["sigpipe"], killed["rst"]["state"]), ("none", "CLOSE_WAIT"))
        self.assert_peer(killed, backend, "killed")
        self.assert_kernel_saw_reset(killed)
        self.assert_advice(killed, "restart_after_crash")
        psql, backend = over_unix
        ended = self.incident(pid=psql.pid, kind="unix", remote=f"/tmp/.s.PGSQL.{PORT}")
        self.assert_verdict(ended, "unix_peer_closed", severity="fault")
        self.assert_errors(ended, ("EPIPE", "sendto"))
        self.assertEqual(ended["sigpipe"], "suppressed")
        self.assert_peer(ended, backend, "exit")
        self.assert_only(killed, ended)

    def test_a_pooled_session_that_was_idle_too_long(self):
        server = self.server("idle_session_timeout=1s")
        self.start_tracing("--comm", "python3")
        clients = [self.pooled(place) for place in ("127.0.0.1", "/tmp")]
        wait_until(lambda: server.text().count("terminating connection due to idle-session timeout") == 2, 10,
                   "both are ended")
        over_tcp, over_unix = clients
        # Each backend exits after it has said so.
        wait_until(lambda: server.text().count("disconnection: session time") == 2, 10, "both have left")
        wait_until(lambda: not any(os.path.exists(f"/proc/{backend}") for _, backend in clients), 10, "both are gone")
        over_tcp[0].type("ask")
        over_tcp[0].wait_log("asked")
        wait_until(self.kernel.resets_received, 10, "the RST came")
        for client, _ in clients:
            client.type("ask")
            client.process.stdin.close()
            self.assertEqual(client.wait(), 0)
            self.assertEqual(client.text().splitlines()[-1], "errno 32")
        told = []
        for (client, backend), cause in ((over_tcp, "write_after_peer_close"), (over_unix, "unix_peer_closed")):
            incident = self.incident(pid=client.pid)
            self.assert_verdict(incident, cause, severity="fault")
            self.assert_errors(incident, ("EPIPE", "sendto"))
            self.assertEqual((incident["sigpipe"], incident["first_close"]), ("ignored", "peer"))
            self.assert_peer(incident, backend, "exit")
            self.assert_kernel_saw_sigpipe(incident)
            self.assert_advice(incident, "idle_session_timeout")
            told.append(incident)
        self.assert_kernel_saw_reset(told[0])
        self.assert_only(*told)


if __name__ == "__main__":
    main()
