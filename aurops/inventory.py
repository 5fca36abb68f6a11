"""The inventory: what failover and runbooks must know of a deployed stack, and nothing that can change by a failover.

A stack exports it as its one output, and `aurops up` copies it to the store, so that a failover needs neither the
Pulumi backend nor the program. Who is writable now is never in it: that is observed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import aurops
from aurops.errors import OutsideError

SCHEMA = 1
"""Version of the inventory that this aurops writes; it also reads the one before."""

Document = dict[str, Any]
Upgrade = Callable[[Document], Document]
UPGRADES: Mapping[int, Upgrade] = MappingProxyType({})
"""From schema n to n + 1, by n."""


class InventoryError(OutsideError):
    """An inventory that this aurops cannot read."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NetworkFacts(_Facts):
    """What the other regions of the cloud join."""

    id: str
    private_zones: dict[str, str] = Field(default_factory=dict)
    """Private DNS zones that home made: id by the zone's name."""


class DatabaseFacts(_Facts):
    """One region's part of the database."""

    global_group: str
    """Name of the group that spans the regions."""
    id: str
    """Full identifier of this region's cluster: the target of a promotion."""
    cluster: str
    """Its short identifier."""
    writer_endpoint: str
    reader_endpoint: str
    port: int
    secret: str | None = None
    """The master secret; only in the home region."""


class CacheFacts(_Facts):
    """One region's part of the cache."""

    global_group: str
    group: str
    """This region's member: the target of a promotion."""
    endpoint: str
    port: int


class NodesFacts(_Facts):
    """The cluster and what a failover scales."""

    cluster: str
    node_groups: dict[str, str]
    """Node group by zone letter."""


class ServiceFacts(_Facts):
    """The stateless service."""

    cluster: str
    service: str
    """What a failover scales."""
    host: str
    host_zone: str
    health_path: str
    target: str | None = None
    """What the cloud's load balancer leads to, where that is not the host."""


class WorkloadFacts(_Facts):
    """The node software."""

    namespace: str
    stateful_set: str
    host: str
    port: int


class ArchiveFacts(_Facts):
    """Where records are kept."""

    bucket: str
    replica_bucket: str
    replica_region: str
    locked: bool = False
    """Whether the retention is locked for good."""


class SwitchFacts(_Facts):
    """The object that takes a region out of DNS while it exists."""

    bucket: str
    region: str
    key: str


class TrafficFacts(_Facts):
    """Names and switches; in the global stack."""

    zone_id: str
    endpoints: dict[str, str] = Field(default_factory=dict)
    """By record: what a name of another zone can lead to."""
    health_checks: dict[str, str]
    """By region."""
    switches: dict[str, SwitchFacts]
    """By region."""
    control_endpoints: tuple[str, ...] = ()
    """`region=url`, each a data-plane endpoint of the routing controls."""
    controls: dict[str, str] = Field(default_factory=dict)
    """Routing control by region; on Google Cloud the backend service."""
    steering: dict[str, str] = Field(default_factory=dict)
    """By record: what a failover changes, where that is not a switch."""


class EdgeFacts(_Facts):
    """Names over several clouds; in the edge stack."""

    zone_id: str
    health_checks: dict[str, dict[str, str]]
    """By record and cloud."""


class Inventory(_Facts):
    """What one stack has."""

    schema_: int = Field(SCHEMA, alias="schema")
    aurops: str
    """Version of aurops that wrote it."""
    stack: str
    cloud: str
    region: str
    home: str
    """The region that was born primary; owns the global groups. Says nothing about who is writable. The edge has none:
    its own."""
    settled: bool = False
    """Whether what could not be made in one pass has been made once."""
    network: NetworkFacts | None = None
    database: DatabaseFacts | None = None
    cache: CacheFacts | None = None
    nodes: NodesFacts | None = None
    service: ServiceFacts | None = None
    workload: WorkloadFacts | None = None
    archive: ArchiveFacts | None = None
    traffic: TrafficFacts | None = None
    edge: EdgeFacts | None = None


def document(**facts: Any) -> Document:
    """A document of the present schema, ready for export.

    Args:
        facts: Fields of `Inventory`; values may still be outputs, so nothing is checked here.
    """
    return {"schema": SCHEMA, "aurops": aurops.__version__, **facts}


def read(given: Mapping[str, Any], where: str) -> Inventory:
    """Read a document of this schema or the one before.

    Args:
        given: What was exported or stored.
        where: Stack or key, for the error.

    Raises:
        InventoryError: Too new, too old, or not an inventory.
    """
    current = upgraded(dict(given), where, SCHEMA, UPGRADES)
    try:
        return Inventory.model_validate(current)
    except ValidationError as cause:
        first = cause.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InventoryError(
            f"the inventory is damaged: {key}: {first['msg']}",
            where=where,
            next_step="write it again: aurops up " + str(given.get("stack", "")),
        ) from cause


def upgraded(given: Document, where: str, schema: int, upgrades: Mapping[int, Upgrade]) -> Document:
    """Bring a document of schema N or N - 1 to `schema` (N).

    Raises:
        InventoryError: It is newer, or older than N - 1, or says no schema.
    """
    found = given.get("schema")
    if isinstance(found, float) and found.is_integer():  # numbers come back from the engine as floats
        found = int(found)
    if not isinstance(found, int):
        raise InventoryError(
            "this is no inventory: it has no schema number", where=where, next_step="write it again with `aurops up`"
        )
    if found > schema:
        raise InventoryError(
            f"the inventory has schema {found}; this aurops reads {schema} and the one before",
            where=where,
            next_step=f"install aurops {given.get('aurops', 'of the newest version')} or newer, which wrote it",
        )
    if found == schema:
        return {**given, "schema": found}
    if found != schema - 1 or found not in upgrades:
        raise InventoryError(
            f"the inventory has schema {found}; this aurops reads {schema} and the one before",
            where=where,
            next_step="write it again with `aurops up`, or pass through the aurops release between",
        )
    return {**upgrades[found](given), "schema": schema}
