"""A connection that its peer resets, of which its program is told."""
import socket
import struct

LINGER_ZERO = struct.pack("ii", 1, 0)


def have_reset(connection):
    """Connect the socket, have the peer reset it, and be told; the peer's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        connection.connect(address)
        server, _ = listener.accept()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    server.close()
    try:
        connection.recv(1)
    except ConnectionResetError:
        return address
    raise AssertionError("the reset was not told")
