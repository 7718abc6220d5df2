"""node: a server whose client left, a pooled connection used too late, and a script whose reader is done."""
import re

from app_case import main
from http_cases import CURL_TIMED_OUT, HttpCase

PORT = 9000

# /small answers at once, /big without end; /burst waits for a file with its event loop blocked, then writes on.
SERVER = """
const http = require('http'), fs = require('fs');
const block = Buffer.alloc(65536);
const server = http.createServer((request, response) => {
  request.socket.on('error', error => console.log('socket:', error.message));
  if (request.url === '/small') return response.end('x');
  if (request.url === '/burst') {
    for (const end = Date.now() + 20000; Date.now() < end && !fs.existsSync('/case/client-left');) {}
    for (let i = 0; i < 5; i++) request.socket.write('x'.repeat(100));
    return;
  }
  const fill = () => { while (!response.destroyed && response.write(block)) {} };
  response.on('drain', fill);
  fill();
});
server.keepAliveTimeout = 700;
server.on('clientError', (error, socket) => { console.log('clientError:', error.message); socket.destroy(); });
server.listen(9000, () => console.log('listens'));
"""
# Its second request goes out with the event loop blocked till the server has let go of the connection.
AGENT = """
const http = require('http'), fs = require('fs');
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const get = (done) => http.get({host: '127.0.0.1', port: 9000, path: '/small', agent}, answer => {
  const own = answer.socket.localPort;
  answer.on('data', () => {});
  answer.on('end', () => done(own));
}).on('error', error => console.log('error:', error.code, error.message));
const serverHolds = (own) => ['tcp', 'tcp6'].some(table =>
  fs.readFileSync('/proc/net/' + table, 'latin1').split('\\n').slice(1).some(line => {
    const fields = line.trim().split(/\\s+/);
    if (fields.length < 10) return false;
    const ports = [fields[1], fields[2]].map(end => parseInt(end.split(':').pop(), 16));
    return ports[0] === 9000 && ports[1] === own && fields[9] !== '0';
  }));
get(own => setImmediate(() => {
  for (const end = Date.now() + 20000; Date.now() < end && serverHolds(own);) {}
  get(() => console.log('answered'));
}));
"""
PRINTER = "console.error('pid', process.pid); setInterval(() => console.log('line'), 5)"


class Node(HttpCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def start_server(self):
        server = self.machine.start("node", "-e", SERVER)
        server.wait_log("listens", 20)
        self.start_tracing("--port", PORT)
        return server

    def test_client_leaves_a_big_answer(self):
        server = self.start_server()
        client = self.machine.start("curl", "--silent", "--output", "/dev/null", "--limit-rate", "1k", "--max-time", "1",
                                    f"http://127.0.0.1:{PORT}/big")
        self.assertEqual(client.wait(20), CURL_TIMED_OUT, client.text())
        server.wait_log("socket: read ECONNRESET")
        incident = self.incident(pid=server.pid)
        [incident] = self.assert_told_of_no_more((server, client), incident)
        self.assert_verdict(incident, "peer_closed_unread_data", "certain", "fault")
        self.assert_errors(incident, ("ECONNRESET", "read"))
        self.assertEqual(incident["sigpipe"], "none")
        self.assert_peer(incident, client.pid, "close")
        self.assert_advice(incident, "`socket.on('error')`")
        self.assertGreater(incident["peer"]["unread_bytes"], 0)
        self.assert_kernel_saw_reset(incident)

    def test_client_has_left_when_it_writes(self):
        server = self.start_server()
        client = self.machine.start("curl", "--silent", "--max-time", "0.5", f"http://127.0.0.1:{PORT}/burst")
        self.assertEqual(client.wait(20), CURL_TIMED_OUT, client.text())
        (self.directory / "client-left").touch()
        server.wait_log("socket: write EPIPE")
        incident = self.incident(pid=server.pid)
        [incident] = self.assert_told_of_no_more((server, client), incident)
        self.assert_verdict(incident, "write_after_peer_close", "certain", "fault")
        self.assert_errors(incident, ("EPIPE", "write"))
        self.assertEqual(incident["sigpipe"], "ignored")
        self.assert_peer(incident, client.pid, "close")
        self.assert_kernel_saw_reset(incident)
        self.assert_kernel_saw_sigpipe(incident)

    def test_pooled_connection_is_used_too_late(self):
        """node says ECONNRESET where the kernel has told it of an end alone, and of no error."""
        server = self.start_server()
        client = self.machine.start("node", "-e", AGENT)
        self.assertEqual(client.wait(20), 0, client.text())
        self.assertEqual(client.text(), "error: ECONNRESET socket hang up\n")
        incident = self.incident(pid=client.pid)
        [incident] = self.assert_told_of_no_more((server, client), incident)
        self.assert_verdict(incident, "write_after_peer_close", "certain", "fault")
        self.assertEqual(incident["errors"], [])
        self.assertIn("No program was told of it", incident["verdict"]["summary"])
        self.assertEqual(incident["rst"]["state"], "CLOSE_WAIT")
        self.assertEqual(incident["first_close"], "peer")
        self.assert_peer(incident, server.pid, "close")
        self.assert_kernel_saw_reset(incident)

    def test_reader_of_its_output_is_done(self):
        self.start_tracing("--kind", "pipe", "--comm", "node")
        pipeline = self.machine.start("bash", "-c", 'node -e "$1" | head -n 1; echo "status ${PIPESTATUS[*]}"', "bash",
                                      PRINTER)
        self.assertEqual(pipeline.wait(20), 0, pipeline.text())
        self.assertIn("Error: write EPIPE", pipeline.text())
        self.assertIn("status 1 0", pipeline.text())
        pid = int(re.search(r"^pid (\d+)$", pipeline.text(), re.MULTILINE)[1])
        incident = self.incident(pid=pid)
        [incident] = [found for found in self.stop_tracing() if found["process"]["pid"] == pid]
        self.assert_verdict(incident, "pipe_reader_closed", "certain", "benign")
        self.assert_errors(incident, ("EPIPE", "write"))
        self.assertEqual(incident["endpoint"]["fd"], 1)
        self.assertEqual(incident["sigpipe"], "ignored")
        self.assertEqual(incident["peer"]["comm"], "head")
        self.assert_advice(incident, "`process.stdout.on('error')`")
        self.assert_kernel_saw_sigpipe(incident)


if __name__ == "__main__":
    main()
