"""Calls a person: once for each thing, until somebody has taken it; never holding up who tells."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from traffic.watching import Page

TIMEOUT_S = 5.0
RETRY_S = 5.0
"""A receiver that is down is tried again so often, as long as the watcher lives."""
MOST_KEPT = 200
"""Of what was told before, so much is remembered."""


class Pager:
    """The ways in which a person is called.

    Args:
        page: Them.
        kept: The file that remembers what was taken: a watcher that starts anew does not call again.
        say: Told, once for each page and way, why one is not taken.
    """

    def __init__(self, page: Page, kept: Path, say: Callable[[str], None]) -> None:
        self._page, self._kept, self._say = page, kept, say
        self._taken: list[str] = []
        with suppress(OSError, ValueError):
            self._taken = list(map(str, json.loads(kept.read_text())))
        self._offered: set[str] = set()
        self._waiting: queue.Queue[tuple[str, Mapping[str, object]]] = queue.Queue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name="pager", daemon=True)
        self._thread.start()

    def cannot(self) -> str:
        """Why nobody could be called from here; empty: everything that is needed is there."""
        if self._page.url_env and not os.environ.get(self._page.url_env):
            return f"{self._page.url_env} is not set where the watcher runs, so nobody could be paged"
        if self._page.argv and shutil.which(self._page.argv[0]) is None:
            return f"there is no program {self._page.argv[0]!r} here, so nobody could be paged"
        return ""

    def call(self, key: str, event: Mapping[str, object]) -> None:
        """Call a person about this, if nobody was called about it yet.

        Args:
            key: The same for the same thing.
            event: JSON.
        """
        if key not in self._offered:
            self._offered.add(key)
            self._waiting.put((key, event))

    def end(self) -> None:
        """Call no more; what was not taken is told again by the next watcher, if it still holds."""
        self._stop.set()

    def _send_all(self) -> None:
        left: list[tuple[str, Mapping[str, object]]] = []
        while not self._stop.is_set():
            with suppress(queue.Empty):
                left.append(self._waiting.get(timeout=RETRY_S if left else 0.1))
            left = [each for each in left if not self._sent(*each)]

    def _sent(self, key: str, event: Mapping[str, object]) -> bool:
        """Whether every way has taken it by now."""
        for name, send in self._ways().items():
            if f"{key} by {name}" in self._taken:
                continue
            if why := send(event):
                self._tell(
                    f"{key} by {name}", f"the page about `{key}` was not taken by {name}: {why}; it is tried again"
                )
            else:
                self._remember(f"{key} by {name}")
        return all(f"{key} by {name}" in self._taken for name in self._ways())

    def _ways(self) -> dict[str, Callable[[Mapping[str, object]], str]]:
        page, ways = self._page, dict[str, "Callable[[Mapping[str, object]], str]"]()
        if page.url:
            ways[page.url] = lambda event: _post(page.url, event)
        if page.url_env:
            ways[page.url_env] = lambda event: _post(os.environ.get(page.url_env, ""), event)
        if page.argv:
            ways[page.argv[0]] = lambda event: _run(page.argv, event)
        return ways

    def _tell(self, what: str, text: str) -> None:
        if what not in self._offered:
            self._offered.add(what)
            self._say(text)

    def _remember(self, what: str) -> None:
        self._taken = [*self._taken, what][-MOST_KEPT:]
        with suppress(OSError):  # a full disk: who starts anew calls once more
            new = self._kept.with_suffix(".new")
            new.write_text(json.dumps(self._taken))
            new.replace(self._kept)


def _post(url: str, event: Mapping[str, object]) -> str:
    """Why a URL has not taken it; empty: it has. What it says of itself is not repeated: it may hold the secret URL."""
    try:
        answer = httpx.post(url, json=event, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return type(error).__name__
    return "" if answer.is_success else f"it answers {answer.status_code}"


def _run(argv: tuple[str, ...], event: Mapping[str, object]) -> str:
    """Why a program has not taken it; empty: it has."""
    try:
        # What it says is read by nobody: a child that it leaves behind on its output would be waited for.
        done = subprocess.run(
            argv,
            input=json.dumps(event).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"it ended with {done.returncode}"
