"""Clients that write through a bed's proxy, for whoever moves traffic and asks what became of each write."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    from testbeds.local.steering.bed import Bed


class Writers:
    """Writes one after the other on each connection, without a retry; each has a number that the sides count by.

    Args:
        bed: The bed; it has no two writes of one number.
        connections: So many.
        pause_s: Between two writes of a connection, seconds.
    """

    def __init__(self, bed: Bed, connections: int = 4, *, pause_s: float = 0.002) -> None:
        self.ok: list[int] = []
        """The numbers of those that were answered with 200."""
        self.bad: list[str] = []
        """What became of the others."""
        self.last = -1
        """The number that was begun last."""
        self._bed, self._pause_s, self._stop, self._lock = bed, pause_s, threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._write) for _ in range(connections)]

    @property
    def ended(self) -> int:
        """How many are over."""
        return len(self.ok) + len(self.bad)

    def _write(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not self._stop.wait(self._pause_s):
                with self._lock:
                    number = self.last = next(self._bed.numbers)
                try:
                    answer = client.post(f"http://{self._bed.site.listens}/writes/{number}", json={})
                except httpx.HTTPError as error:
                    self.bad.append(repr(error))
                    continue
                if answer.status_code == httpx.codes.OK:
                    self.ok.append(number)
                else:
                    self.bad.append(str(answer.status_code))

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, each after its answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
