"""Where a component stands: cloud, region, fleet. Plain values; no SDK, no pulumi."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cloud(StrEnum):
    """The clouds that the words of this project know; what is implemented is found by `components.base.load`."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


@dataclass(frozen=True)
class Place:
    """The place and the habits that every component of a stack shares.

    Args:
        cloud: Which implementation is meant.
        region: The cloud's own name of the region; for a global stack the region its control plane is called in.
        fleet: Short name (1 to 12 characters) that every resource name starts with.
        tags: Put on everything that can carry tags.
        protect: Deletion protection of the engine and of the cloud for all that holds data. `aurops destroy` lifts
            it in a step of its own.
        settled: What can only be made once everything else is up, DNS included, is made too; the settle wave says so.
    """

    cloud: Cloud
    region: str
    fleet: str
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    protect: bool = True
    settled: bool = False
