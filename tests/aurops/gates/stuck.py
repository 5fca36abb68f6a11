"""Servers that stand still, or send a byte now and then, until they are told to go on."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NO_ENCRYPTION = (80877103, 80877104)
_SERVER_VERSION = b"server_version\0" + b"18.0\0"


class Stuck:
    """A server on loopback.

    Args:
        serve: What it does with a connection.
    """

    def __init__(self, serve: Callable[[socket.socket, threading.Event], None]) -> None:
        self._serve, self.goes_on, self.connections = serve, threading.Event(), 0
        self.hung_up = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._one, args=(connection,)))
                self._threads[-1].start()

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, struct.error):
            connection.settimeout(20)
            self._serve(connection, self.goes_on)
        self.hung_up.set()

    def close(self) -> None:
        """End it."""
        self.goes_on.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()


@contextmanager
def stuck(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[Stuck]:
    """Such a server, while it is needed."""
    server = Stuck(serve)
    try:
        yield server
    finally:
        server.close()


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


_ONE = _message(b"T", struct.pack("!H", 1) + b"one\0" + struct.pack("!IHIHIH", 0, 0, 23, 4, 0xFFFFFFFF, 0)) + _message(
    b"D", struct.pack("!HI", 1, 1) + b"1"
)


def postgres(connection: socket.socket, goes_on: threading.Event) -> None:
    """PostgreSQL that lets everybody in and answers every query with 1, but only while it goes on (protocol 3.0)."""
    while True:
        (length,) = struct.unpack("!I", _exactly(connection, 4))
        (code,) = struct.unpack("!I", _exactly(connection, length - 4)[:4])
        if code not in _NO_ENCRYPTION:
            break
        connection.sendall(b"N")
    ready, begun = _message(b"Z", b"I"), _message(b"Z", b"T")
    connection.sendall(_message(b"R", struct.pack("!I", 0)) + _message(b"S", _SERVER_VERSION) + ready)
    while True:
        kind = _exactly(connection, 1)
        (length,) = struct.unpack("!I", _exactly(connection, 4))
        asked = _exactly(connection, length - 4)
        if not goes_on.is_set():
            connection.recv(1)  # until who asks hangs up
            return
        if kind == b"X":
            return
        if kind == b"Q":
            told = _ONE if asked.lower().startswith(b"select") else b""
            connection.sendall(
                told + _message(b"C", b"DONE\0") + (ready if asked.upper().startswith(b"COMMIT") else begun)
            )
        if kind == b"S":
            connection.sendall(_message(b"1", b"") + _message(b"2", b"") + _ONE + _message(b"C", b"SELECT 1\0") + begun)


def _exactly(connection: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length:
        if not (some := connection.recv(length - len(got))):
            raise OSError
        got += some
    return got


def dripping_headers(connection: socket.socket, goes_on: threading.Event) -> None:
    """A web server that sends a byte of its headers now and then."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not goes_on.wait(0.05):
        connection.sendall(b"a")
    connection.sendall(b"\r\nContent-Length: 2\r\n\r\nok")
