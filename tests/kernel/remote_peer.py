"""The peer on the other host: plays, on request, one behaviour a control connection.

A request is a line `prepare BEHAVIOUR PORT` (answered by the port to connect to, or, with a port, by
dialling it), `act - 0`, which goes on to the behaviour's next yield, or `reset - 0`, answered by the
sequence number of the RST that has come or comes. The program ends when a line `end - 0` comes or nobody
asks for a while.
Usage: remote_peer.py ADDRESS
"""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import threading

CONTROL_PORT = 7000
LONELY_SECONDS = 90
BEHAVIOUR_SECONDS = 60
HELLO_SIZE = 5
# More than any header of TCP, less than the late bytes with theirs.
HEADERS_SIZE = 60

SO_ATTACH_FILTER = 26
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF_NO_PROBE = 1, -1
SEND_QUEUE = 2
# Load the length; beyond the limit drop, else pass. Or drop in any case.
DROP_PAYLOAD = [(0x80, 0, 0, 0), (0x25, 0, 1, HEADERS_SIZE), (0x06, 0, 0, 0), (0x06, 0, 0, 0xffffffff)]
DROP_ALL = [(0x06, 0, 0, 0)]
OTHER_TTL, OWN_TTL = 33, 64
ICMP_UNREACHABLE = 3
ICMP_HOST, ICMP_PORT = 1, 3
TCP_RST = 0x04


def attach_filter(sock, program):
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HP", len(program), ctypes.addressof(buffer)))


def fall_silent(connection):
    """Take nothing more. Its end is to leave nothing that is sent again and again to a host that has forgotten it."""
    attach_filter(connection, DROP_ALL)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hear(listener):
    """Accept, and wait for the hello without taking it."""
    connection, _ = listener.accept()
    if not select.select([connection], [], [], BEHAVIOUR_SECONDS)[0]:
        raise TimeoutError("no hello")
    return connection


def greet(listener):
    connection = hear(listener)
    connection.recv(HELLO_SIZE, socket.MSG_WAITALL)
    return connection


def close_abortively(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def forget_silently(connection):
    """A socket closed under repair is gone without a FIN or RST: as after a reboot."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    connection.close()


def die_holding(connection):
    held, let_go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(let_go)
        os.read(held, 1)  # ends when the parent holds it no more: who closes last closes
        os.kill(os.getpid(), signal.SIGKILL)
    connection.close()
    os.close(let_go)
    os.waitpid(child, 0)
    os.close(held)


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def forge_reset(connection, ttl):
    """A RST that is right but for its TTL, if that is another: as a box on the way would send it."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND_QUEUE)
    sequence = connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xffffffff
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_NO_PROBE)
    (own, own_port), (other, other_port) = connection.getsockname(), connection.getpeername()
    pseudo = socket.inet_aton(own) + socket.inet_aton(other) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20)
    segment = struct.pack("!HHIIBBHHH", own_port, other_port, sequence, 0, 5 << 4, TCP_RST, 0, 0, 0)
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        raw.sendto(segment, (other, 0))


def answer_by_icmp(port, code):
    """Answer every segment to the port by ICMP "unreachable", until the process ends."""
    tcp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

    def answer():
        while True:
            packet, (sender, _) = tcp.recvfrom(65535)
            header = (packet[0] & 15) * 4
            if struct.unpack_from("!H", packet, header + 2)[0] != port:
                continue
            quoted = packet[:header + 8]
            head = struct.pack("!BBHI", ICMP_UNREACHABLE, code, 0, 0)
            head = struct.pack("!BBHI", ICMP_UNREACHABLE, code, checksum(head + quoted), 0)
            icmp.sendto(head + quoted, (sender, 0))

    threading.Thread(target=answer, daemon=True).start()


class ResetWatch:
    """What comes in from now on for, or from, a port, until a RST does."""

    def __init__(self):
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.raw.settimeout(BEHAVIOUR_SECONDS)
        self.port = None

    def sequence(self):
        while True:
            packet = self.raw.recv(65535)
            tcp = packet[(packet[0] & 15) * 4:]
            if self.port in struct.unpack_from("!HH", tcp) and tcp[13] & TCP_RST:
                return struct.unpack_from("!I", tcp, 4)[0]


# --- behaviours: what happens before the answer to `prepare` and at each act ---

def close(listener):
    yield
    greet(listener).close()


def killed(listener):
    yield
    die_holding(greet(listener))


def unread(listener):
    yield
    hear(listener).close()


def killed_unread(listener):
    yield
    die_holding(hear(listener))


def abort(listener):
    yield
    close_abortively(greet(listener))


def dial(connection):
    yield
    close_abortively(connection)


def race(listener):
    yield
    connection, _ = listener.accept()
    attach_filter(connection, DROP_PAYLOAD)
    yield
    connection.close()


def half_unread(listener):
    yield
    connection = hear(listener)
    connection.shutdown(socket.SHUT_WR)
    yield
    connection.close()


def half_written(listener):
    yield
    connection = greet(listener)
    connection.shutdown(socket.SHUT_WR)
    yield
    select.select([connection], [], [], BEHAVIOUR_SECONDS)
    connection.close()


def send(listener):
    yield
    connection = greet(listener)
    connection.sendall(b"howdy")
    yield


def listen_on(listener):
    yield
    connection = greet(listener)
    yield
    if connection.recv(1) == b"":
        connection.sendall(b"howdy")
    yield


def knock(address):
    yield
    try:
        socket.create_connection(address, BEHAVIOUR_SECONDS).close()
    except ConnectionRefusedError:
        pass


def forget(listener):
    yield
    forget_silently(greet(listener))


def forge(listener):
    yield
    connection = greet(listener)
    fall_silent(connection)
    forge_reset(connection, OTHER_TTL)
    yield


def forge_twice(listener):
    """As the peer itself might: nothing tells them from its own."""
    yield
    connection = greet(listener)
    forge_reset(connection, OWN_TTL)
    forge_reset(connection, OWN_TTL)
    forget_silently(connection)


def stay(listener):
    yield
    connection = greet(listener)
    yield
    close_abortively(connection)


def answer(listener):
    yield
    connection = greet(listener)
    connection.sendall(b"howdy")
    connection.close()


def silence(listener):
    yield
    connection = greet(listener)
    fall_silent(connection)
    yield


def icmp(listener):
    yield
    connection = greet(listener)
    fall_silent(connection)
    answer_by_icmp(listener.getsockname()[1], ICMP_HOST)
    yield


def refused(listener):
    port = listener.getsockname()
    listener.close()
    with socket.socket() as holder:
        holder.bind(port)  # bound and not listening, so that nobody else can take it
        yield


def deaf(listener):
    attach_filter(listener, DROP_ALL)
    yield


def icmp_host(listener):
    attach_filter(listener, DROP_ALL)
    answer_by_icmp(listener.getsockname()[1], ICMP_HOST)
    yield


def icmp_port(listener):
    attach_filter(listener, DROP_ALL)
    answer_by_icmp(listener.getsockname()[1], ICMP_PORT)
    yield


BEHAVIOURS = {behaviour.__name__: behaviour for behaviour in (
    close, killed, unread, killed_unread, send, listen_on, knock, abort, dial, race, half_unread, half_written,
    forget, forge, forge_twice, answer, silence, icmp, refused, deaf, icmp_host, icmp_port)}
# The victim's side alone makes the difference.
BEHAVIOURS |= {"forget_idle": forget, "silence_user_timeout": silence, "silence_keepalive": silence,
               "filter": stay, "filter_abort": stay, "origin_unread": send, "origin_linger0": listen_on,
               "origin_late": listen_on, "origin_syn": knock}


def prepare(name, port, control):
    """Return (the behaviour, started; the answer to the request)."""
    if name == "origin_syn":
        end = (control.getpeername()[0], port)
    elif port:
        end = socket.create_connection((control.getpeername()[0], port))
    else:
        end = socket.create_server((control.getsockname()[0], 0))
        port = end.getsockname()[1]
    course = BEHAVIOURS[name](end)
    next(course)
    return course, port


def serve(control):
    """One control connection: one behaviour. Return whether the program is to end."""
    course = None
    watch = ResetWatch()
    with control, control.makefile("rw", encoding="ascii") as lines:
        for line in lines:
            request, name, port = line.split()
            answer_number = 0
            if request == "end":
                return True
            if request == "prepare":
                course, answer_number = prepare(name, int(port), control)
                watch.port = answer_number
            elif request == "reset":
                answer_number = watch.sequence()
            else:
                next(course, None)
            print(answer_number, file=lines, flush=True)
    return False


def serve_in_child(control):
    """Behaviours may kill, forget and filter: each has a process of its own."""
    if os.fork() != 0:
        control.close()
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(BEHAVIOUR_SECONDS)
    try:
        ended = serve(control)
    except (OSError, KeyError, ValueError) as error:
        print(f"remote_peer: {error!r}", file=sys.stderr, flush=True)
        ended = False
    if ended:
        os.kill(os.getppid(), signal.SIGTERM)
    os._exit(0)


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with socket.create_server((sys.argv[1], CONTROL_PORT)) as listener:
        listener.settimeout(LONELY_SECONDS)
        while True:
            try:
                control, _ = listener.accept()
            except TimeoutError:
                sys.exit(f"remote_peer: nobody asked for {LONELY_SECONDS} s")
            serve_in_child(control)


if __name__ == "__main__":
    main()
