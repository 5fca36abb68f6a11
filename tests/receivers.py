"""Servers on loopback that tests are told things by: a gate that is asked, a person who is called."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver:
    """Answers GET with `status`, and POST with `takes`; keeps what was posted."""

    def __init__(self) -> None:
        self.status, self.takes = 200, 200
        self.asked = 0
        self.got: list[dict[str, Any]] = []
        self.go = threading.Event()
        """Nobody is answered before it is set."""
        self.go.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                receiver.go.wait(30)
                receiver.asked += 1
                self._answer(receiver.status)

            def do_POST(self) -> None:
                receiver.go.wait(30)
                receiver.asked += 1
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if receiver.takes < 300:
                    receiver.got.append(body)
                self._answer(receiver.takes)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Tests print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, until the end."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.go.set()
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
