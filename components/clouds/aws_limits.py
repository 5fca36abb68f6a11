"""What AWS cannot do of what a spec says. Pure: no SDK."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from components.clouds.zones import ZONES
from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.clouds.limits import Rules
    from components.database.spec import DatabaseSpec
    from components.edge.spec import EdgeSpec
    from components.keys.spec import KeysSpec
    from components.traffic.spec import TrafficSpec

_KEY = re.compile(r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[\w-]+$")
_ZONE = re.compile(r"^Z[A-Z0-9]{1,31}$")


def keys(spec: KeysSpec, _: str) -> Iterator[str]:
    """Existing keys go by their ARN."""
    for purpose, key in spec.existing.items():
        if not _KEY.match(key):
            yield f"existing.{purpose}: must be a key's ARN: arn:aws:kms:REGION:ACCOUNT:key/ID"


def database(spec: DatabaseSpec, _: str) -> Iterator[str]:
    """Every member of a global database can be promoted."""
    if spec.standby_region:
        yield "standby_region: on AWS every region can take over; leave it out"


def traffic(spec: TrafficSpec, _: str) -> Iterator[str]:
    """Every region has a switch, kept in a region that exists."""
    if missing := spec.all_regions() - set(spec.switches):
        yield f"switches: lacks {', '.join(sorted(missing))}"
    for region, keeper in spec.switches.items():
        if keeper not in ZONES[Cloud.AWS]:
            yield f"switches.{region}: {keeper!r} is not a region of aws"


def edge(spec: EdgeSpec, _: str) -> Iterator[str]:
    """Zones go by their id."""
    if spec.zone_id and not _ZONE.match(spec.zone_id):
        yield f"zone_id: {spec.zone_id!r} is no hosted zone's id; allowed: Z and up to 31 capital letters and digits"


RULES: Final[Rules] = {"keys": keys, "database": database, "traffic": traffic, "edge": edge}
"""Rule by noun."""
