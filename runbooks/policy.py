"""The policy of the repository that a command is called in: its rules, its waivers, and today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.clock import Clock, RealClock
from stacks.policy.judge import judge
from stacks.policy.pack import FOLDER, Pack, load
from stacks.policy.waivers import read
from stacks.site import repository

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from stacks.review import Review, Waiver


@dataclass(frozen=True)
class Rules:
    """What changes are judged by.

    Args:
        pack: The rules.
        waivers: Who may break which.
        today: Of the clock that was given.
    """

    pack: Pack
    waivers: tuple[Waiver, ...]
    today: date

    def judged(self, review: Review, fleet: Collection[str]) -> Review:
        """The same review with what policy says of it.

        Args:
            review: What was previewed.
            fleet: Names of all stacks, previewed or not.
        """
        verdict = judge(self.pack, self.waivers, review.previews, fleet, self.today)
        left_out = [f"Policy was not asked about {', '.join(review.left_out)}."] if review.left_out else []
        return replace(review, findings=tuple(verdict.findings), notes=(*review.notes, *verdict.notes, *left_out))


def own_rules(clock: Clock | None = None) -> Rules:
    """The rules of the repository that we are in.

    Raises:
        UsageError: It has none, or rules or waivers cannot be read.
    """
    pack = load(repository(Path.cwd()) / FOLDER)
    today = (clock or RealClock()).wall().date()
    return Rules(pack, read(pack.waivers, today, pack.longest_waiver_days), today)
