"""Whether beside each proxy of a cutover a watcher obeys it, for the gates (`Ports.watched`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.plan import Observation
from aurops.ports import Watched

if TYPE_CHECKING:
    from aurops.clock import Clock
    from migration.model import Target


class Watchers:
    """The watchers of a cutover.

    Args:
        target: Its proxies.
        proxies: Their names.
        clock: Time.
    """

    def __init__(self, target: Target, proxies: tuple[str, ...], clock: Clock) -> None:
        self._target, self._proxies, self._clock = target, proxies, clock

    def watched(self, proxy: str, timeout_s: float) -> Observation[Watched]:  # noqa: ARG002 (the protocol's)
        """Whether somebody watches a proxy; unknown of one that this cutover does not have."""
        if proxy not in self._proxies:
            why = f"this cutover has no proxy `{proxy}`; it has {', '.join(self._proxies)}"
            return Observation(None, self._clock.now_s(), proxy, why)
        why_not = self._target.unwatched(proxy)
        return Observation(Watched(proxy, why_not), self._clock.now_s(), f"the watcher of {proxy}")
