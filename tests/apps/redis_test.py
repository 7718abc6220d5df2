"""redis: clients that leave while the server is busy or sending, and clients whose server lets go of them."""
import signal
import subprocess

from app_case import AppCase, main, wait_until

PORT = 6379
READY = "Ready to accept connections"
# A command that is busy for a while, and says so in the server's log as it begins.
BUSY_SECONDS = 1.5
BUSY_LOG = "the script begins"
BUSY = ("EVAL", f"""local function now() local t = redis.call('TIME'); return t[1] + t[2] / 1000000 end
redis.log(redis.LOG_WARNING, '{BUSY_LOG}')
local till = now() + {BUSY_SECONDS}; while now() < till do end; return 'done'""", "0")

# A client that speaks the protocol itself, as drivers do. {0}: what it does.
CLIENT = """
import socket, sys
BUSY = {busy!r}
def connect(place):
    if place.startswith("/"):
        end = socket.socket(socket.AF_UNIX)
        end.connect(place)
        return end
    return socket.create_connection((place, {port}))
def command(*words):
    words = [word.encode() for word in words]
    return b"*%d\\r\\n" % len(words) + b"".join(b"$%d\\r\\n%s\\r\\n" % (len(word), word) for word in words)
def say(*words):
    print(*words, flush=True)
def told(action, *arguments):
    try:
        say(action.__name__, action(*arguments))
    except OSError as error:
        say(action.__name__, error.errno)
end = connect(sys.argv[1])
end.settimeout(20)
{script}
"""
# Leaves an answer unread, keeps the server busy, and waits to be told to go on.
UNREAD_WHILE_BUSY = """
end.sendall(command("PING"))
end.recv(1, socket.MSG_PEEK)
end.sendall(command(*BUSY))
sys.stdin.readline()
"""


class Redis(AppCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def server(self, *options, port=PORT, host=None):
        server = (host or self.machine).start(
            "redis-server", "--port", port, "--bind", "127.0.0.1", "::1", "--save", "", "--loglevel", "verbose",
            "--protected-mode", "no", "--dir", "/case", *options)
        server.wait_log(READY)
        return server

    def client(self, script, place="127.0.0.1", **options):
        """A client that does this with its connection; what it says is its log."""
        return self.machine.start("python3", "-c", CLIENT.format(busy=BUSY, port=PORT, script=script), place,
                                  stdin=subprocess.PIPE, **options)

    def goes_during_the_script(self, server, client):
        server.wait_log(BUSY_LOG)
        client.type()
        self.assertEqual(client.wait(), 0, client.text())

    def ask(self, *words, port=PORT):
        done = self.machine.run("redis-cli", "-p", port, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_alone(self, incident, *others):
        """Nothing else is told of these programs."""
        told = [found["id"] for found in self.stop_tracing()
                if found["process"]["pid"] in {incident["process"]["pid"], *(other.pid for other in others)}]
        self.assertEqual(told, [incident["id"]], self._told())

    def large_value(self):
        self.ask("SETRANGE", "large", "20000000", "x")

    # The server's point of view: its client is gone.

    def test_a_client_that_gives_up_during_a_slow_script(self):
        """Nothing lay unread: the answer meets a closed connection, and redis reads the end of it."""
        server = self.server()
        self.start_tracing("--comm", "redis-server")
        client = self.client("""
end.settimeout(0.7)
end.sendall(command(*BUSY))
try:
    end.recv(100)
except TimeoutError:
    say("gave up")
end.close()
""")
        self.assertEqual(client.wait(), 0, client.text())
        server.wait_log("Client closed connection")
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "write_after_peer_close", severity="fault")
        self.assert_errors(incident)
        self.assertEqual((incident["sigpipe"], incident["first_close"], incident["rst"]["state"]),
                         ("none", "peer", "CLOSE_WAIT"))
        self.assert_peer(incident, client.pid, "close")
        self.assertLess(incident["endpoint"]["idle_us"], BUSY_SECONDS * 1e6)
        self.assert_advice(incident, "slowlog-log-slower-than", "busy-reply-threshold")
        self.assert_kernel_saw_reset(incident)
        self.assertEqual(self.ask("PING"), "PONG\n")
        self.assert_alone(incident)

    def test_a_client_that_gives_up_with_an_answer_unread(self):
        server = self.server()
        self.start_tracing("--comm", "redis-server")
        client = self.client(UNREAD_WHILE_BUSY + """
end.close()
""")
        self.goes_during_the_script(server, client)
        server.wait_log("Error writing to client: Connection reset by peer")
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "peer_closed_unread_data", severity="fault")
        self.assert_errors(incident, ("ECONNRESET", "write"))
        self.assertEqual(incident["sigpipe"], "none")
        self.assert_peer(incident, client.pid, "close")
        self.assertEqual(incident["peer"]["unread_bytes"], len("+PONG\r\n"))
        self.assert_advice(incident, "slowlog-log-slower-than")
        self.assert_kernel_saw_reset(incident)
        self.assert_alone(incident)

    def test_a_client_that_had_finished_and_left_an_answer_unread(self):
        """It half-closes before it goes, as `nc -N` does: redis meets "Broken pipe"."""
        server = self.server()
        self.start_tracing("--comm", "redis-server")
        client = self.client(UNREAD_WHILE_BUSY + """
end.shutdown(socket.SHUT_WR)
end.close()
""")
        self.goes_during_the_script(server, client)
        server.wait_log("Error writing to client: Broken pipe")
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "peer_closed_unread_data", severity="fault")
        self.assert_errors(incident, ("EPIPE", "write"))
        self.assertEqual((incident["sigpipe"], incident["rst"]["state"]), ("ignored", "CLOSE_WAIT"))
        self.assert_peer(incident, client.pid, "close")
        self.assert_advice(incident, "slowlog-log-slower-than")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_alone(incident)

    def test_a_client_killed_during_a_slow_script(self):
        server = self.server()
        self.start_tracing("--comm", "redis-server")
        client = self.machine.start("redis-cli", *BUSY)
        server.wait_log(BUSY_LOG)
        client.kill()
        self.assertEqual(client.wait(), -signal.SIGKILL)
        server.wait_log("Client closed connection")
        incident = self.incident(pid=server.pid)
        self.assert_verdict(incident, "peer_process_died", severity="fault")
        self.assert_errors(incident)
        self.assert_peer(incident, client.pid, "killed")
        self.assertEqual(incident["peer"]["comm"], "redis-cli")
        self.assertIn("SIGKILL", incident["verdict"]["summary"])
        self.assert_advice(incident, "slowlog-log-slower-than")
        self.assert_kernel_saw_reset(incident)
        self.assert_alone(incident)

    def test_a_client_that_never_reads(self):
        server = self.server()
        self.large_value()
        self.start_tracing("--comm", "redis-server")
        client = self.client("""
end.sendall(command("GET", "large"))
end.recv(1, socket.MSG_PEEK)
sys.stdin.readline()
end.close()
""")
        wait_until(lambda: "omem=0" not in self.ask("CLIENT", "LIST", "TYPE", "normal").splitlines()[0], 10,
                   "redis holds the rest of the answer")
        client.type()
        self.assertEqual(client.wait(), 0, client.text())
        incident = self.incident(pid=server.pid)
        self.assertIn("Connection reset by peer", server.text())
        self.assert_verdict(incident, "peer_closed_unread_data", severity="fault")
        self.assertEqual([error["errno"] for error in incident["errors"]], ["ECONNRESET"])
        self.assert_peer(incident, client.pid, "close")
        self.assertGreater(incident["peer"]["unread_bytes"], 10_000)
        self.assertLessEqual(incident["peer"]["unread_bytes"], incident["endpoint"]["bytes_sent"])
        self.assertEqual([step["event"] for step in incident["timeline"] if step["event"] == "data_sent"], [],
                         "no data drew the RST")
        self.assert_advice(incident, "Redis: look at `client-output-buffer-limit`")
        self.assert_kernel_saw_reset(incident)
        self.assert_alone(incident)

    def test_a_replica_killed_with_commands_unread(self):
        master = self.server("--repl-diskless-sync-delay", "0")
        replica = self.server("--replicaof", "127.0.0.1", PORT, port=PORT + 1)
        replica.wait_log("MASTER <-> REPLICA sync: Finished with success")
        self.ask("SET", "k", "v")
        # Not before its first acknowledgement is it sent any command.
        wait_until(lambda: ",offset=0," not in self.ask("INFO", "replication"), 10, "the replica has acknowledged")
        self.start_tracing("--comm", "redis-server")
        replica.stop()
        self.large_value()
        wait_until(lambda: self.machine.unread_by_clients_of(PORT) > 0, 5, "the command is under way to the replica")
        replica.kill()
        replica.wait()
        self.assertRegex(master.wait_log("Reading from client: Connection reset by peer"), "Connection with replica .* lost")
        incident = self.incident(pid=master.pid)
        self.assert_verdict(incident, "peer_process_died", severity="fault")
        self.assertEqual([error["errno"] for error in incident["errors"]], ["ECONNRESET"])
        self.assert_peer(incident, replica.pid, "killed")
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assert_advice(incident, "repl-backlog-size")
        self.assert_kernel_saw_reset(incident)
        self.assert_alone(incident, replica)

    # The client's point of view: its server let go.

    def test_a_reply_over_the_output_buffer_limit(self):
        server = self.server("--client-output-buffer-limit", "normal 1mb 1mb 0")
        self.large_value()
        self.start_tracing("--comm", "python3")
        client = self.client("""
end.sendall(command("GET", "large"))
say("got", end.recv(1))
told(end.send, command("PING"))
end.recv(1)
told(end.send, command("PING"))
""")
        self.assertEqual(client.wait(), 0, client.text())
        server.wait_log("for overcoming of output buffer limits")
        self.assertEqual(client.text().splitlines(), ["got b''", "send 14", "send 32"])
        incident = self.incident(pid=client.pid)
        self.assert_verdict(incident, "write_after_peer_close", severity="fault")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assertEqual((incident["sigpipe"], incident["first_close"]), ("ignored", "peer"))
        self.assert_peer(incident, server.pid, "close")
        self.assert_advice(incident, "client-output-buffer-limit", "maxclients")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_alone(incident)

    def test_a_subscriber_that_falls_behind(self):
        """The server's FIN waits behind what the subscriber does not read."""
        server = self.server("--client-output-buffer-limit", "pubsub 1mb 1mb 0")
        self.start_tracing("--comm", "python3")
        client = self.client("""
end.sendall(command("SUBSCRIBE", "news"))
say("subscribed", end.recv(100)[:2])
sys.stdin.readline()
told(end.send, command("PING"))
sys.stdin.readline()
told(end.send, command("PING"))
""")
        client.wait_log("subscribed")
        publisher = self.machine.run("sh", "-c", "head -c 60000 /dev/zero > /tmp/news; for i in $(seq 200); do "
                                     "redis-cli -x publish news < /tmp/news; done > /dev/null")
        self.assertEqual(publisher.returncode, 0, publisher.stderr)
        server.wait_log("for overcoming of output buffer limits")
        client.type()
        client.wait_log("send 14")
        wait_until(self.kernel.resets_received, 10, "the RST came")
        client.type()
        self.assertEqual(client.wait(), 0, client.text())
        self.assertIn("send 104", client.text())
        incident = self.incident(pid=client.pid)
        self.assert_verdict(incident, "close_race", severity="warning")
        self.assert_errors(incident, ("ECONNRESET", "sendto"))
        self.assertEqual((incident["sigpipe"], incident["rst"]["state"]), ("none", "ESTABLISHED"))
        self.assert_peer(incident, server.pid, "close")
        self.assertIn("data that nobody reads", incident["verdict"]["summary"])
        self.assert_advice(incident, "Redis at the other end: look at its `client-output-buffer-limit`")
        self.assert_kernel_saw_reset(incident)
        self.assert_alone(incident)

    def test_a_pooled_connection_that_the_server_found_idle(self):
        server = self.server("--timeout", "1")
        self.start_tracing("--comm", "python3")
        pooled = """
end.sendall(command("PING"))
say(end.recv(100))
sys.stdin.readline()
told(end.send, command("PING"))
say(end.recv(100))
"""
        reads = self.client(pooled, "::1")
        writes = self.client(pooled + 'told(end.send, command("PING"))')
        wait_until(lambda: server.text().count("Closing idle client") == 2, 10, "redis closed both")
        for client in (reads, writes):
            client.type()
            self.assertEqual(client.wait(), 0, client.text())
        self.assertEqual(reads.text().splitlines(), ["b'+PONG\\r\\n'", "send 14", "b''"])
        self.assertEqual(writes.text().splitlines()[1:], ["send 14", "b''", "send 32"])
        for client, errors, sigpipe in ((reads, (), "none"), (writes, (("EPIPE", "sendto"),), "ignored")):
            incident = self.incident(pid=client.pid)
            self.assert_verdict(incident, "write_after_peer_close", severity="fault")
            self.assert_errors(incident, *errors)
            self.assertEqual((incident["sigpipe"], incident["first_close"]), (sigpipe, "peer"))
            self.assert_peer(incident, server.pid, "close")
            self.assert_advice(incident, "`timeout`")
            self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)
        self.assert_alone(incident)

    def test_a_server_killed_over_its_unix_socket(self):
        """One client was idle, one had sent what redis had not read, one was not accepted yet."""
        server = self.server("--unixsocket", "/tmp/redis.sock")
        self.start_tracing("--comm", "python3")
        idle, asking, queued = [self.client(script, "/tmp/redis.sock") for script in (
            'end.sendall(command("PING"))\nsay(end.recv(100))\nsys.stdin.readline()\ntold(end.send, command("PING"))',
            """
end.sendall(command("PING"))
say(end.recv(100))
sys.stdin.readline()
end.sendall(command("PING"))
say("asked")
told(end.recv, 100)
told(end.send, command("PING"))
""", """
end.close()
sys.stdin.readline()
end = connect(sys.argv[1])
say("queued")
sys.stdin.readline()
told(end.send, command("PING"))
""")]
        idle.wait_log("PONG")
        asking.wait_log("PONG")
        server.stop()
        for client, text in ((asking, "asked"), (queued, "queued")):
            client.type()
            client.wait_log(text)
        server.kill()
        server.wait()
        for client in (idle, queued):
            client.type()
        self.assertEqual([client.wait() for client in (idle, asking, queued)], [0, 0, 0], asking.text())
        self.assertEqual(idle.text().splitlines()[1:], ["send 32"])
        self.assertEqual(asking.text().splitlines()[2:], ["recv 104", "send 32"])
        self.assertEqual(queued.text().splitlines()[1:], ["send 32"])
        for client, errors in ((asking, ("ECONNRESET", "EPIPE")), (idle, ("EPIPE",)), (queued, ("EPIPE",))):
            incident = self.incident(pid=client.pid, kind="unix", remote="/tmp/redis.sock")
            self.assert_verdict(incident, "unix_peer_died", severity="fault")
            self.assert_errors(incident, *errors)
            self.assertEqual(incident["sigpipe"], "ignored")
            self.assert_peer(incident, server.pid, "killed")
            self.assert_kernel_saw_sigpipe(incident)
        self.assert_alone(incident)

    def test_redis_cli_whose_server_is_killed(self):
        server = self.server("--unixsocket", "/tmp/redis.sock")
        self.start_tracing("--comm", "redis-cli")
        over_tcp, over_unix = [self.machine.start("redis-cli", *place, stdin=subprocess.PIPE)
                               for place in ((), ("-s", "/tmp/redis.sock"))]
        for client in (over_tcp, over_unix):
            client.type("PING")
            client.wait_log("PONG")
        server.kill()
        server.wait()
        for client in (over_tcp, over_unix):
            client.process.stdin.write(b"PING\n")
            client.process.stdin.close()
            client.wait()
        self.assertIn("Error: Server closed the connection", over_tcp.text())
        self.assertIn("Error: Broken pipe", over_unix.text())
        incident = self.incident(pid=over_unix.pid, kind="unix")
        self.assert_verdict(incident, "unix_peer_died", severity="fault")
        self.assert_errors(incident, ("EPIPE", "sendto"))
        self.assert_peer(incident, server.pid, "killed")
        self.assert_kernel_saw_sigpipe(incident)
        incident = self.incident(pid=over_tcp.pid, kind="tcp", remote=f"127.0.0.1:{PORT}")
        self.assert_verdict(incident, "peer_process_died", severity="fault")
        self.assert_errors(incident)
        self.assert_peer(incident, server.pid, "killed")
        self.assert_kernel_saw_reset(incident)


if __name__ == "__main__":
    main()
