"""Tells a URL what happened, in order, without ever holding up whoever tells it."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 2.0
RETRY_AFTER_S = (0.5, 2.0)
"""Seconds before each further try: a receiver that restarts is met again, one that is gone is given up."""
MOST_WAITING = 1000
"""Events that wait for a receiver that does not answer; what comes then is counted as lost."""


class Webhook:
    """Posts events as JSON; a context manager, which gives the last ones a moment to leave.

    Args:
        url: `http` or `https`.

    Raises:
        UsageError: The URL is of another kind.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("a webhook is a URL", where=f"--webhook {url}", allowed="http://… or https://…")
        self.sent = 0
        self.lost = 0
        self._url = url
        self._events: queue.Queue[Mapping[str, object] | None] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._post_all, name="webhook", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        try:
            self._events.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(2 * TIMEOUT_S)

    def tell(self, event: Mapping[str, object]) -> None:
        """Have an event posted after the ones before it."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self.lost += 1

    def _post_all(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            while (event := self._events.get()) is not None:
                if self._posted(client, event):
                    self.sent += 1
                else:
                    self.lost += 1

    def _posted(self, client: httpx.Client, event: Mapping[str, object]) -> bool:
        """Whether the receiver took it. What it refuses (4xx) is not sent again."""
        for wait_s in (*RETRY_AFTER_S, None):
            try:
                answer = client.post(self._url, json=event)
            except httpx.HTTPError:
                answer = None
            if answer is not None and not answer.is_server_error:
                return answer.is_success
            if wait_s is not None:
                self._closing.wait(wait_s)  # at the end the tries that are left follow at once
        return False
