"""What clients of the simulated service were promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failover.targets.simulated import SimulatedTarget


def lost_writes(target: SimulatedTarget, serving: str) -> set[str]:
    """Acknowledged, and not readable where the service is now."""
    return set(target.acknowledged) - set(target.regions[serving].log)
