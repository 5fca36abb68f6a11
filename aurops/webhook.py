"""Tells a URL what happened, in order, without ever holding up whoever tells it."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "AUROPS_WEBHOOK"
"""The environment variable with the URL that hears of cutovers and rollbacks."""
TIMEOUT_S = 2.0
RETRY_AFTER_S = (0.5, 2.0)
"""Seconds before each further try: a receiver that restarts is met again, one that is gone is given up."""
MOST_WAITING = 1000
"""Events that wait for a receiver that does not answer; what comes then is counted as lost."""


class Webhook:
    """Posts events as JSON; a context manager, which gives the last ones a moment to leave.

    Args:
        url: `http` or `https`.
        warn: Told once, in words, that events do not arrive; from the thread that posts.

    Raises:
        UsageError: The URL is of another kind.
    """

    def __init__(self, url: str, warn: Callable[[str], None] = lambda _: None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("a webhook is a URL", where=f"--webhook {url}", allowed="http://… or https://…")
        self.sent = 0
        self.lost = 0
        self._url = url
        self._warn = warn
        self._warned = False
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
            self._lose("it has not answered for long")
            return
        self._thread.join(2 * TIMEOUT_S)
        if self._thread.is_alive():
            self._lose("it has not answered until the end")

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
                    self._lose("it refuses them or does not answer")

    def _lose(self, why: str) -> None:
        """Say once that events are lost; nobody waits for it. Its URL may be a secret: its host is enough."""
        if not self._warned:
            self._warned = True
            self._warn(f"the webhook at {urlsplit(self._url).hostname} does not get all that happens: {why}")

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


def tell_one(event: Mapping[str, object], warn: Callable[[str], None]) -> None:
    """One event, from a command that has done its work, to the URL in `AUROPS_WEBHOOK`, if one is set there.

    Args:
        event: JSON.
        warn: Told why it does not arrive; nothing else comes of that.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        return
    try:
        with Webhook(url, warn) as hook:
            hook.tell(event)
    except UsageError as error:
        warn(f"{VARIABLE}: {error.what}; allowed: {error.allowed}")
