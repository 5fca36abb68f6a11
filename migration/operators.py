"""Whether people could roll a cutover back from its operators' hosts, for the gates (`Ports.operators`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.plan import Observation
from aurops.ports import Operators

if TYPE_CHECKING:
    from aurops.clock import Clock
    from migration.model import Target


class OperatorHosts:
    """The operators' hosts of a cutover.

    Args:
        target: Its proxies.
        hosts: Their names.
        clock: Time.
    """

    def __init__(self, target: Target, hosts: tuple[str, ...], clock: Clock) -> None:
        self._target, self._hosts, self._clock = target, hosts, clock

    def operators(self, timeout_s: float) -> Observation[Operators]:
        """Whether from each of them every proxy could be rolled back now; unknown where the plan names none."""
        if not self._hosts:
            return Observation(None, self._clock.now_s(), "operator_hosts", "the plan names no `operator_hosts`")
        why_not = self._target.cut_off(timeout_s)
        return Observation(Operators(self._hosts, why_not), self._clock.now_s(), ", ".join(self._hosts))
