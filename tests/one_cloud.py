"""The repository's own fleet, as far as it is on one cloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stacks.config import load
from stacks.fleet import Fleet
from stacks.model import CloudConfig

if TYPE_CHECKING:
    from components.place import Cloud

STACKS = Path(__file__).parents[1] / "stacks"


def fleet_of(cloud: Cloud) -> Fleet:
    """The regions of one cloud and what it has once."""
    found = load(STACKS).stacks.items()
    return Fleet({n: each for n, each in found if each.cloud is cloud and isinstance(each, CloudConfig)})
