"""GitHub's API for comments on one pull request, on loopback."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

BOT = "github-actions[bot]"


@dataclass
class FakeGitHub:
    """What is there, and what was asked.

    Args:
        comments: As the API gives them.
        may_write: Whether the token may write comments; a fork's may not.
        out_of_order: How many requests more are answered with 502, after they were done.
        calls: Method and path of each request.
        url: Its address.
    """

    comments: list[dict[str, Any]] = field(default_factory=list)
    may_write: bool = True
    out_of_order: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def say(self, body: str, login: str = "someone") -> None:
        """Somebody comments."""
        self.comments.append({"id": 1000 + len(self.comments), "body": body, "user": {"login": login}})

    def answer(self, method: str, target: str, document: dict[str, Any]) -> tuple[int, Any]:
        """The API's answer to one request."""
        path = urlsplit(target)
        self.calls.append((method, target))
        if method == "GET":
            asked = {key: int(values[0]) for key, values in parse_qs(path.query).items()}
            first = (asked["page"] - 1) * asked["per_page"]
            return 200, self.comments[first : first + asked["per_page"]]
        if not self.may_write:
            return 403, {"message": "Resource not accessible by integration"}
        # What GitHub itself says of longer ones: 422, "Body is too long (maximum is 65536 characters)".
        if len(document["body"]) > 65_536:
            return 422, {"message": "Validation Failed"}
        if method == "POST":
            self.say(document["body"], BOT)
            return 201, self.comments[-1]
        found = next(each for each in self.comments if str(each["id"]) == path.path.rsplit("/", 1)[-1])
        found["body"] = document["body"]
        return 200, found


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    """A running one; gone afterwards."""
    github = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            document = json.loads(self.rfile.read(length) or b"{}")
            status, answer = github.answer(self.command, self.path, document)
            if self.headers["Authorization"] != "Bearer a-token":
                status, answer = 401, {"message": "Bad credentials"}
            elif github.out_of_order:
                github.out_of_order -= 1
                status, answer = 502, {}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815 (names of the standard library)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        github.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
