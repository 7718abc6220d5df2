"""A real server: a client of redis-server goes away with replies unread."""
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import live
from live import LiveTest, wait_for


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


class Redis(LiveTest):
    def server(self, *options):
        """Debian's server. Its binary is also in redis-tools, where it goes by its name."""
        program = shutil.which("redis-server")
        if program is None:
            binary = shutil.which("redis-check-rdb")
            self.assertIsNotNone(binary, "neither redis-server nor redis-tools is installed")
            program = self.directory / "redis-server"
            program.symlink_to(binary)
        port = free_port()
        process = subprocess.Popen(
            [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(self.directory), "--daemonize", "no", *map(str, options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: answers(port), 10, "redis-server answers")
        return process, port

    def client(self, port):
        done = subprocess.run([sys.executable, str(Path(__file__).with_name("redis_client.py")), str(port)],
                              capture_output=True, text=True, check=True, timeout=live.COMMAND_SECONDS)
        return json.loads(done.stdout)

    def test_a_client_that_never_reads_and_closes(self):
        server, port = self.server()
        tracer = self.trace("--json", "--comm", "redis-server")
        client = self.client(port)
        self.assertGreater(client["unread"], 0)
        incident = self.incident_of(tracer, {"victim": {"pid": server.pid}})
        self.stop(tracer)
        self.assertTrue(answers(port), "the server did not survive")
        self.assertEqual(incident["process"]["comm"], "redis-server")
        self.assertEqual(incident["verdict"]["cause"], "peer_closed_unread_data")
        self.assertEqual(incident["verdict"]["confidence"], "certain")
        self.assertEqual(incident["verdict"]["severity"], "fault")
        self.assertEqual(incident["endpoint"]["remote"], client["local"])
        self.assertEqual(incident["first_close"], "peer")
        self.assertEqual(incident["rst"]["state"], "ESTABLISHED")
        self.assertEqual(incident["peer"]["pid"], client["pid"])
        self.assertEqual(incident["peer"]["comm"], client["comm"])
        self.assertEqual(incident["peer"]["action"], "close")
        self.assertGreaterEqual(incident["peer"]["unread_bytes"], client["unread"])
        self.assertEqual(incident["errors"][0]["errno"], "ECONNRESET")

    def test_its_own_log_stands_beside_the_failure(self):
        log = self.directory / "redis.log"
        server, port = self.server("--loglevel", "verbose", "--logfile", log)
        tracer = self.trace("--json", "-p", server.pid, "--log", log)
        for rotated in (False, True):
            if rotated:  # as logrotate does; this server opens its log for each line
                log.rename(self.directory / "redis.log.1")
            client = self.client(port)
            incident = self.incident_at(tracer, client["local"])
            # "Reading from client" or "Error writing to client", whichever call met it.
            said = [line for line in incident["log"] if "client: Connection reset by peer" in line["line"]]
            self.assertEqual(len(said), 1, incident["log"])
            self.assertEqual(said[0]["file"], str(log))
            self.assertLess(abs(said[0]["t_us"]) - said[0]["late_us"], 1_000_000)
        self.stop(tracer)

    def incident_at(self, tracer, remote):
        """The incident of the connection with that other end."""
        def is_it(found):
            return found["endpoint"]["remote"] == remote

        self.assertTrue(tracer.wait_incident(is_it, live.INCIDENT_SECONDS), f"no {remote}: {tracer.lines}")
        incident = next(filter(is_it, tracer.last_revisions()))
        self.assert_valid(incident)
        return incident


if __name__ == "__main__":
    live.main()
