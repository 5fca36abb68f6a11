"""Telling a URL what happened."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aurops import webhook
from aurops.errors import UsageError
from aurops.webhook import Webhook


class Receiver:
    """A server that answers with these statuses, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[dict[str, object]] = []
        self.released = threading.Event()
        answers = list(statuses)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.released.wait(10)
                status = answers.pop(0) if answers else 200
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append({"status": status, **json.loads(body)})
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further try comes at once."""
    monkeypatch.setattr(webhook, "RETRY_AFTER_S", (0.0, 0.0))


def test_events_arrive_in_order_though_the_receiver_is_slow_or_ill() -> None:
    """Whoever tells is never held up; a 503 is tried again, and what follows waits for it."""
    receiver = Receiver(503, 200)
    try:
        with Webhook(receiver.url) as hook:
            for n in (1, 2, 3):
                hook.tell({"n": n})  # nobody answers yet
            assert receiver.got == []
            receiver.released.set()
    finally:
        receiver.close()
    assert [(event["n"], event["status"]) for event in receiver.got] == [(1, 503), (1, 200), (2, 200), (3, 200)]
    assert (hook.sent, hook.lost) == (3, 0)


def test_what_is_refused_or_reaches_nobody_is_counted_as_lost() -> None:
    """A 400 is not sent again; a receiver that is gone is given up after three tries."""
    receiver = Receiver(400)
    receiver.released.set()
    with Webhook(receiver.url) as hook:
        hook.tell({"n": 1})
    receiver.close()
    assert (len(receiver.got), hook.sent, hook.lost) == (1, 0, 1)
    with Webhook(receiver.url) as gone:
        gone.tell({"n": 1})
    assert (gone.sent, gone.lost) == (0, 1)


def test_an_overflow_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that is away for long does not eat the watch's memory."""
    monkeypatch.setattr(webhook, "MOST_WAITING", 2)
    hook = Webhook("http://127.0.0.1:1")
    for n in range(5):
        hook.tell({"n": n})
    assert hook.lost == 3


@pytest.mark.parametrize("url", ["ftp://x", "example.org/hook", "http://", ""])
def test_only_a_url_is_a_webhook(url: str) -> None:
    """Said before anything starts."""
    with pytest.raises(UsageError, match="a webhook is a URL"):
        Webhook(url)
