"""What a region's agent must still know after a crash, beside the highest epoch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from aurops.files import write_durably

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A region's part, as it was last commanded.

    Args:
        fenced: The region must not write until it follows or is promoted.
        following: Region whose database this one's streams from; None: from nobody.
        voters: Regions of which one must confirm each commit while this region's database is primary.
        cache_following: Region whose cache this one's copies; None: it is no copy.
    """

    fenced: bool
    following: str | None
    voters: tuple[str, ...]
    cache_following: str | None


class RoleKeeper:
    """A region's role, kept in a file.

    Args:
        file: Where it is kept.
        unborn: The role of a region that was never given one.
    """

    def __init__(self, file: Path, unborn: Role) -> None:
        self._file = file
        self._role = unborn
        if file.exists():
            raw: dict[str, Any] = json.loads(file.read_text())
            self._role = Role(**{**raw, "voters": tuple(raw["voters"])})

    @property
    def now(self) -> Role:
        """The role now."""
        return self._role

    def change(self, **changes: Any) -> Role:
        """Change these fields; when it returns, a crash cannot undo it."""
        role = replace(self._role, **changes)
        if role != self._role or not self._file.exists():
            write_durably(self._file, json.dumps(asdict(role)))
        self._role = role
        return role
