"""One way to steer traffic between regions, used by failover and by migration.

Steering is by *weights* over destinations that are configured beforehand: nothing is added to or removed from a
balancer while a region is being lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Steering:
    """Where requests go: as wanted, or as read back from what steers them.

    Args:
        weights: Share of each region, ≥ 0, relative to their sum; all 0 means closed: every request is refused.
        epoch: Fencing number stamped on every request (≥ 0); a node of another epoch refuses it.
    """

    weights: Mapping[str, int]
    epoch: int

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights.values()) < 0:
            raise ValueError(f"weights are ≥ 0 and name at least one region: {dict(self.weights)}")
        if self.epoch < 0:
            raise ValueError(f"an epoch is ≥ 0: {self.epoch}")

    @property
    def closed(self) -> bool:
        """Whether no region gets any request."""
        return not any(self.weights.values())


@dataclass(frozen=True, slots=True)
class Active:
    """The steering that is in effect.

    Args:
        steering: Read back from what steers, never from what was asked for.
        version: The steering system's own name for this state.
    """

    steering: Steering
    version: str


class Driver(Protocol):
    """What can steer. Both calls are idempotent."""

    async def observe(self) -> Active:
        """The steering in effect now.

        Raises:
            aurops.errors.OutsideError: What steers does not answer.
        """
        ...

    async def shift(self, wanted: Steering) -> Active:
        """Steer so, and return once it is in effect.

        Raises:
            aurops.errors.OutsideError: It did not take effect within the driver's deadline.
        """
        ...
