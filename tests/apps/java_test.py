"""Java by itself: what its sockets throw, and the debugger's agent in the JVM."""
import re
import signal

from app_case import main
from http_cases import HttpCase, catches_sigpipe

LEAN_JVM = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
JVM_SECONDS = 30

# On four ports: closes at once; throws the connection away; leaves with what it was sent unread; nobody listens.
PEERS = """
import socket, struct, threading
def serve(port, act):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    def loop():
        while True:
            act(listener.accept()[0])
    threading.Thread(target=loop).start()
def close(end):
    end.close()
def throw_away(end):
    end.recv(1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
def leave(end):
    end.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    end.close()
for port, act in ((7001, close), (7002, throw_away), (7003, leave)):
    serve(port, act)
print("ready", flush=True)
"""
SOCKETS = """
import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;

public class Sockets {
    interface Act { void run() throws Exception; }

    static void attempt(String name, Act act) throws Exception {
        Thread thread = new Thread(() -> {
            try {
                act.run();
                System.out.println(name + ": nothing");
            } catch (Exception failure) {
                System.out.println(name + ": " + failure);
            }
        }, name);
        thread.start();
        thread.join();
    }

    static void awaitEnd(InputStream in) throws Exception {
        if (in.read() != -1) throw new IllegalStateException("not the end");
    }

    public static void main(String[] arguments) throws Exception {
        attempt("writes", () -> {
            Socket end = new Socket("127.0.0.1", 7001);
            awaitEnd(end.getInputStream());
            for (int i = 0; i < 2; i++) end.getOutputStream().write(new byte[5]);
        });
        attempt("gathers", () -> {
            SocketChannel end = SocketChannel.open(new InetSocketAddress("::1", 7001));
            awaitEnd(end.socket().getInputStream());
            ByteBuffer[] parts = {ByteBuffer.allocate(5), ByteBuffer.allocate(5)};
            end.write(parts);
            parts[0].rewind();
            parts[1].rewind();
            end.write(parts);
        });
        attempt("reads", () -> {
            Socket end = new Socket("127.0.0.1", 7002);
            end.getOutputStream().write(1);
            end.getInputStream().read();
        });
        attempt("leaves-unread", () -> {
            SocketChannel end = SocketChannel.open(new InetSocketAddress("127.0.0.1", 7003));
            end.write(ByteBuffer.allocate(5));
            Selector selector = Selector.open();
            end.configureBlocking(false);
            end.register(selector, SelectionKey.OP_READ);
            selector.select();
            end.write(ByteBuffer.allocate(5));
        });
        attempt("connects", () -> new Socket("127.0.0.1", 7004));
        System.out.println("done");
        System.in.read();
    }
}
"""
CHILDREN = """
import java.io.*;

public class Children {
    public static void main(String[] arguments) throws Exception {
        Process deaf = new ProcessBuilder("sh", "-c", "exec <&-; echo closed; exec sleep 1000").start();
        deaf.getInputStream().read();
        System.out.println(deaf.pid());
        try {
            deaf.getOutputStream().write(new byte[5]);
            deaf.getOutputStream().flush();
        } catch (IOException failure) {
            System.out.println(failure);
        }
        Process endless = new ProcessBuilder("yes").start();
        System.out.println(endless.pid());
        endless.getInputStream().read();
        endless.getInputStream().close();
        System.out.println(endless.waitFor());
    }
}
"""
# Asks for the version so many times, once the file is there, and leaves at once or with an answer unread.
DEBUGGER = """
import os, socket, struct, sys, time
requests, awaited, leaves = int(sys.argv[1]), sys.argv[2], sys.argv[3]
end = socket.create_connection(("127.0.0.1", 5005))
end.sendall(b"JDWP-Handshake")
assert end.recv(14, socket.MSG_WAITALL) == b"JDWP-Handshake"
print("attached", flush=True)
deadline = time.monotonic() + 20
while not os.path.exists(awaited):
    assert time.monotonic() < deadline
    time.sleep(0.005)
VERSION = 1, 1
for number in range(requests):
    end.sendall(struct.pack(">IIBBB", 11, number, 0, *VERSION))
if leaves == "unread":
    end.recv(1, socket.MSG_PEEK)
end.close()
"""


class Java(HttpCase):
    def setUp(self):
        super().setUp()
        self.machine = self.host()

    def test_exceptions_of_plain_sockets(self):
        peers = self.machine.start("python3", "-c", PEERS)
        peers.wait_log("ready")
        (self.directory / "Sockets.java").write_text(SOCKETS)
        self.start_tracing("--comm", "java")
        java = self.machine.start(*LEAN_JVM, "Sockets.java", stdin=-1)
        java.wait_log("done", JVM_SECONDS)
        self.assertEqual(java.text().splitlines(), [
            "writes: java.net.SocketException: Broken pipe",
            "gathers: java.io.IOException: Broken pipe",
            "reads: java.net.SocketException: Connection reset",
            "leaves-unread: java.io.IOException: Connection reset by peer",
            "connects: java.net.ConnectException: Connection refused",
            "done"])
        self.assertTrue(catches_sigpipe(java.pid))
        expected = {
            "writes": ("127.0.0.1:7001", "write_after_peer_close", ("EPIPE", "write"), "handled"),
            "gathers": ("[::1]:7001", "write_after_peer_close", ("EPIPE", "writev"), "handled"),
            "reads": ("127.0.0.1:7002", "peer_abortive_close", ("ECONNRESET", "read"), "none"),
            "leaves-unread": ("127.0.0.1:7003", "peer_closed_unread_data", ("ECONNRESET", "write"), "none"),
            "connects": ("127.0.0.1:7004", "connection_refused", ("ECONNREFUSED", "connect"), "none"),
        }
        incidents = {remote: self.incident(pid=java.pid, remote=remote) for remote, *_ in expected.values()}
        for thread, (remote, cause, error, sigpipe) in expected.items():
            with self.subTest(thread):
                incident = incidents[remote]
                self.assert_verdict(incident, cause)
                self.assert_errors(incident, error)
                self.assertEqual(incident["errors"][0]["thread"], thread)
                self.assertEqual(incident["sigpipe"], sigpipe)
                if cause == "connection_refused":
                    self.assertIsNone(incident["peer"])
                else:
                    self.assert_peer(incident, peers.pid)
                    self.assert_advice(incident, "`SocketException`")
                self.assert_kernel_saw_reset(incident)
        self.assert_told_of_no_more((java, peers), *incidents.values())
        own = [pid for pid in self.kernel.sigpipes() if self.is_thread_of(java.pid, incidents, pid)]
        self.assertEqual(len(own), 2)

    @staticmethod
    def is_thread_of(pid, incidents, tid):
        return tid == pid or tid in {error["tid"] for incident in incidents.values() for error in incident["errors"]}

    def test_pipes_to_its_children(self):
        (self.directory / "Children.java").write_text(CHILDREN)
        self.start_tracing("--kind", "pipe")
        java = self.machine.start(*LEAN_JVM, "Children.java")
        self.assertEqual(java.wait(JVM_SECONDS), 0, java.text())
        deaf, told, endless, status = java.text().splitlines()
        self.assertEqual((told, status), ("java.io.IOException: Broken pipe", "141"))
        written = self.incident(pid=java.pid)
        self.assert_verdict(written, "pipe_reader_closed", "certain", "benign")
        self.assert_errors(written, ("EPIPE", "write"))
        self.assertEqual(written["sigpipe"], "handled")
        self.assert_peer(written, int(deaf))
        # Java reads what it writes, and does so no more. Not every mode sees who closes a pipe and lives on.
        killed = self.incident(pid=int(endless))
        self.assertEqual((killed["verdict"]["cause"], killed["sigpipe"]), ("pipe_reader_closed", "killed"))
        self.assertIn((killed["peer"] or {}).get("pid"), (None, java.pid), killed["verdict"]["summary"])
        for incident in (written, killed):
            self.assert_kernel_saw_sigpipe(incident)
        self.stop_tracing()

    def start_debugged(self):
        (self.directory / "Idle.java").write_text(
            "public class Idle { public static void main(String[] a) throws Exception { System.in.read(); } }")
        java = self.machine.start(
            *LEAN_JVM, "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005", "Idle.java", stdin=-1)
        self.machine.wait_listens(5005, JVM_SECONDS)
        return java

    def test_debugger_left(self):
        """The JVM's own agent (JDWP) answers a debugger that has gone, or goes with an answer unread."""
        self.start_tracing("--port", "5005")
        java = self.start_debugged()
        gone = self.machine.start("python3", "-c", DEBUGGER, 40, "/case/stopped", "gone", log="gone")
        gone.wait_log("attached")
        java.stop()
        (self.directory / "stopped").touch()
        self.assertEqual(gone.wait(20), 0, gone.text())
        java.kill(signal.SIGCONT)
        first = self.incident(pid=java.pid)
        unread = self.machine.start("python3", "-c", DEBUGGER, 1, "/case/stopped", "unread", log="unread")
        self.assertEqual(unread.wait(20), 0, unread.text())
        second = self.incident(pid=java.pid, cause="peer_closed_unread_data")
        java.wait_log("recv error: Connection reset by peer")
        first, second = self.assert_told_of_no_more((java, gone, unread), first, second)

        self.assert_verdict(first, "write_after_peer_close")
        self.assert_errors(first, ("EPIPE", "sendto"))
        self.assertEqual(first["errors"][0]["count"], 39)  # the first answer drew the RST
        self.assertEqual(39, len(re.findall("send failed: Broken pipe", java.text())))
        self.assertTrue(first["errors"][0]["thread"].startswith("JDWP Transport"), first["errors"])
        self.assertEqual(first["sigpipe"], "handled")
        self.assert_peer(first, gone.pid, "close")
        self.assert_kernel_saw_sigpipe(first)
        self.assert_errors(second, ("ECONNRESET", "recvfrom"))
        self.assertEqual(second["sigpipe"], "none")
        self.assert_peer(second, unread.pid, "close")
        for incident in (first, second):
            self.assertEqual(incident["process"]["comm"], "java")
            self.assert_advice(incident, "`-agentlib:jdwp`")
            self.assert_kernel_saw_reset(incident)


if __name__ == "__main__":
    main()
