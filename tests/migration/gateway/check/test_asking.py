"""What of an answer is compared, asked over HTTP."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from migration.gateway.check.asking import Asked
from migration.gateway.check.questions import Aspect, Question


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers with headers of every sort."""

    def do_GET(self) -> None:
        """An answer."""
        self.send_response(200)
        for name, value in {"ETag": "1", "X-Aurops-Side": "v11", "Content-Type": "text/plain", "Via": "a"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where it answers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_headers_of_a_connection_and_those_of_aurops_are_not_compared(url: str) -> None:
    """The rest is, in small letters."""
    with Asked("V10", url) as asked:
        said = asked.ask(Question("", Aspect.PLAIN, "GET", "/"), "r")
    assert (said.content_type, said.headers) == ("text/plain", (("etag", "1"),))
