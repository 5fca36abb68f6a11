"""What one look at a gate found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aurops.plan import Json


class State(StrEnum):
    """Whether a gate lets the run pass."""

    OPEN = "open"
    CLOSED = "closed"
    """It was seen, and what was seen does not allow it."""
    UNKNOWN = "unknown"
    """It could not be seen; as good as closed."""


@dataclass(frozen=True)
class Finding:
    """One gate, looked at once.

    Args:
        gate: Its name.
        kind: What sort of gate.
        state: Open, closed, unknown.
        why: In words, with the numbers.
        at: When it was looked at: time of day in UTC, ISO 8601.
        age_s: How old the evidence was then, seconds; 0 when it was made by the look.
        evidence: What was seen, for the journal.
    """

    gate: str
    kind: str
    state: State
    why: str
    at: str
    age_s: float = 0.0
    evidence: Mapping[str, Json] = field(default_factory=dict)

    def data(self) -> dict[str, Json]:
        """For the journal."""
        said: dict[str, Json] = {"gate": self.gate, "kind": self.kind, "state": self.state.value, "why": self.why}
        return said | {"at": self.at, "age_s": round(self.age_s, 3), "evidence": dict(self.evidence)}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read what `data` wrote."""
        return cls(**{**data, "state": State(data["state"])})


def shut(findings: Iterable[Finding]) -> str:
    """Why the run may not pass, in words; empty when every gate is open."""
    return "; ".join(f"{each.gate} is {each.state}: {each.why}" for each in findings if each.state is not State.OPEN)
