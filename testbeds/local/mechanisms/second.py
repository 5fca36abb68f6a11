"""A second fault during recovery: the region that was chosen in place of a killed one is frozen as it takes over."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import httpx

from testbeds.local import processes
from testbeds.local.mechanisms import scopes
from testbeds.local.mechanisms.signals import Freeze, Kill, stop_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbeds.local.layout import Layout

_POLL_S = 0.005
_ANSWER_S = 0.5


class Second:
    """Kills a region; whichever other one becomes primary is frozen at that moment.

    Args:
        place: The bed.
        region: The region that is killed.
        amends: How that one is brought back.
    """

    def __init__(self, place: Layout, region: str, amends: Callable[[], None]) -> None:
        self._place = place
        self._others = place.others(region)
        self._kill = Kill(scopes.regions(place, region), amends)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def ready(self) -> None:
        """Something runs that can be hit."""
        self._kill.ready()

    def inject(self) -> int:
        """Kill the first, and lie in wait for the second."""
        self._thread = threading.Thread(target=self._lie_in_wait, daemon=True)
        self._thread.start()
        return self._kill.inject()

    def proved(self) -> bool:
        """The first is gone; that the second was hit is seen by the failover, which cannot end."""
        return self._kill.proved()

    def undo(self) -> None:
        """Both go on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        Freeze(scopes.regions(self._place, *self._others)).undo()
        self._kill.undo()

    def _lie_in_wait(self) -> None:
        # Found beforehand: between its promotion and the first traffic there are a few hundredths of a second.
        known = {name: scopes.regions(self._place, name)() for name in self._others}
        with httpx.Client(timeout=_ANSWER_S, trust_env=False) as client:
            while not self._over.wait(_POLL_S):
                for name in self._others:
                    if _is_primary(client, self._place.region(name).agent_url):
                        processes.send(known[name], signal.SIGSTOP)
                        stop_all(scopes.regions(self._place, name))
                        return


def _is_primary(client: httpx.Client, agent_url: str) -> bool:
    try:
        return bool(client.get(f"{agent_url}/observe").json()["database"]["role"] == "primary")
    except (httpx.HTTPError, ValueError, KeyError):
        return False
