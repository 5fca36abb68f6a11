"""The repository's own fleet, as far as it is on one cloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stacks.config import load
from stacks.fleet import Fleet

if TYPE_CHECKING:
    from components.place import Cloud

STACKS = Path(__file__).parents[1] / "stacks"


def fleet_of(cloud: Cloud) -> Fleet:
    """The stacks of one cloud."""
    return Fleet({name: each for name, each in load(STACKS).stacks.items() if each.cloud is cloud})
