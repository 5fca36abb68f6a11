"""What Azure cannot do of what a spec says. Pure: no SDK."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from components.clouds.azure_sizes import (
    CACHE_SKUS,
    CACHES,
    GENERAL,
    MACHINES,
    PLANS,
    PROCESSORS,
    SERVERS,
    USABLE,
    cache_size,
    plan_size,
)
from components.clouds.limits import without_password
from components.clouds.zones import AZURE_PAIRS
from components.keys.spec import Purpose
from components.tags import URN_TAG_PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from components.archive.spec import ArchiveSpec
    from components.cache.spec import CacheSpec
    from components.clouds.limits import Rules
    from components.database.spec import DatabaseSpec
    from components.edge.spec import EdgeSpec
    from components.keys.spec import KeysSpec
    from components.network.spec import NetworkSpec
    from components.nodes.spec import NodesSpec
    from components.service.spec import ServiceSpec
    from components.traffic.spec import TrafficSpec

_KEY = re.compile(r"^https://[A-Za-z0-9-]{3,24}\.vault\.azure\.net/keys/[A-Za-z0-9-]{1,127}/[0-9a-f]{32}$")
_GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_ZONE_ID = re.compile(
    r"^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\.Network/(?i:dnszones)/[^/]+$"
)
_ZONE_WORDS = "a zone's resource id: /subscriptions/S/resourceGroups/G/providers/Microsoft.Network/dnszones/NAME"
_POSTGRES_MAJORS: Final = range(14, 19)
_RESERVED: Final = frozenset({"postgres", "azure_maintenance", "azure_sys", "template0", "template1"})
_CACHE_PORT: Final = 10000
_LOG_DAYS: Final = range(30, 731)
_FLOW_DAYS: Final = 365
_DISK_GIB: Final = range(30, 2049)
_MOST_MACHINES: Final = 30
_MOST_TAGS: Final = 13
_TAG_KEY: Final = re.compile(r"[^0-9<>%&\\?/()#: ][^<>%&\\?/()#: ]{0,127}")
_TAG_VALUE: Final = 256


def tags(given: Mapping[str, str], _: str) -> Iterator[str]:
    r"""What every service takes, for a tag goes on all of them.

    DNS zones have 15 tags at most, of which two are ours; names in DNS and Traffic Manager have no blanks, parentheses,
    `#` or `:` and no digit first; a storage account's are 128 characters long, and no name has `<>%&\?/` (Azure
    documentation, "Use tags to organize your Azure resources", Limitations).
    """
    if len(given) > _MOST_TAGS:
        yield f"{len(given)} of them; DNS zones take no more; allowed: {_MOST_TAGS}"
    for key, value in given.items():
        if not _TAG_KEY.fullmatch(key):
            yield rf"{key!r}: 1 to 128 characters, no digit first, without blanks, parentheses and #:<>%&\?/"
        if key == URN_TAG_PLAIN:
            yield f"{key}: reserved by aurops"
        if len(value) > _TAG_VALUE:
            yield f"{key}: the value has {len(value)} characters; allowed: {_TAG_VALUE}"


def keys(spec: KeysSpec, _: str) -> Iterator[str]:
    """Existing keys go by their URL; a cluster finds its own in the stack's vault only."""
    for purpose, key in spec.existing.items():
        if not _KEY.match(key):
            yield f"existing.{purpose}: must be a key's URL with its version: https://V.vault.azure.net/keys/K/VERSION"
    if Purpose.SECRETS in spec.existing:
        yield "existing.secrets: AKS takes this key from the stack's own vault, which cannot hold one that exists"


def network(spec: NetworkSpec, _: str) -> Iterator[str]:
    """Flow logs are kept for a year; services need subnets and zones that only we make."""
    if spec.flow_log_retention_days > _FLOW_DAYS:
        yield f"flow_log_retention_days: {spec.flow_log_retention_days} cannot be had; allowed: 1 to {_FLOW_DAYS}"
    if spec.existing:
        yield "existing: PostgreSQL, AKS and App Service need subnets of their own, and private DNS zones; leave it out"


def nodes(spec: NodesSpec, _: str) -> Iterator[str]:
    """Machines, disks, logs and who administers."""
    size = spec.azure.vm_size
    if size and (not MACHINES.fullmatch(size) or _odd(size)):
        yield f"azure.vm_size: Azure has no {size}; allowed: such as Standard_D8s_v5, with {_said(PROCESSORS)}"
    if spec.disk_gib not in _DISK_GIB:
        yield f"disk_gib: {spec.disk_gib} cannot be had; allowed: {_DISK_GIB[0]} to {_DISK_GIB[-1]}"
    for admin in sorted(spec.admins):
        if not _GUID.fullmatch(admin):
            yield f"admins: {admin!r} must be the object id of a group in Entra: a UUID in lower case"
    yield from _logs(spec.log_retention_days)


def _odd(size: str) -> bool:
    """Whether it is of a series whose numbers are known, and of another number."""
    known = GENERAL.fullmatch(size)
    return known is not None and int(known[1]) not in PROCESSORS


def _said(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _logs(kept_days: int) -> Iterator[str]:
    if kept_days not in _LOG_DAYS:
        yield f"log_retention_days: {kept_days} cannot be had; allowed: {_LOG_DAYS[0]} to {_LOG_DAYS[-1]}"


def service(spec: ServiceSpec, _: str) -> Iterator[str]:
    """One task is one machine of a plan, and a plan has two to thirty of a few sizes."""
    if plan_size(spec) is None:
        cpu, gib, name = PLANS[-1]
        yield f"cpu_millicores: no machine holds such a task; allowed: up to {cpu} with {gib * 1024} MiB ({name})"
    if spec.min_tasks < 2:  # noqa: PLR2004 (the sentence says it)
        yield f"min_tasks: {spec.min_tasks} machine is in one zone only; allowed: from 2"
    if spec.max_tasks > _MOST_MACHINES:
        yield (
            f"max_tasks: {spec.max_tasks} machines are more than a plan has; allowed: up to {_MOST_MACHINES}, "
            "or larger ones by cpu_millicores"
        )
    if spec.certificate.existing:
        yield "certificate.existing: App Service binds a name: say certificate.domain, and azure.thumbprint beside it"
    zone_id = spec.certificate.zone_id
    if zone_id:
        zone = zone_id.rpartition("/")[2]
        if not _ZONE_ID.fullmatch(zone_id):
            yield f"certificate.zone_id: must be {_ZONE_WORDS}"
        elif not f".{spec.certificate.domain}".endswith(f".{zone}"):
            yield f"certificate.zone_id: {spec.certificate.domain} is not in zone {zone}"
    for key in sorted(spec.environment):
        if key.startswith("WEBSITE"):
            yield f"environment.{key}: such names are App Service's own settings"
    yield from _logs(spec.log_retention_days)


def database(spec: DatabaseSpec, _: str) -> Iterator[str]:
    """The port is fixed, nobody signs in with a password, and two servers stand in two zones."""
    yield from without_password(spec, "Azure")
    if int(spec.engine_version.split(".", maxsplit=1)[0]) not in _POSTGRES_MAJORS:
        first, last = _POSTGRES_MAJORS[0], _POSTGRES_MAJORS[-1]
        yield f"engine_version: Azure has no PostgreSQL {spec.engine_version}; allowed: {first} to {last}"
    if len(spec.zones) != 2:  # noqa: PLR2004 (the sentence says it)
        yield f"zones: {len(spec.zones)} of them; a server and the one that takes over from it stand in two"
    if spec.name in _RESERVED:
        yield f"name: {spec.name!r} is a database of Azure's own"
    if spec.azure.sku and not SERVERS.fullmatch(spec.azure.sku):
        yield (
            f"azure.sku: Azure has no {spec.azure.sku}; allowed: Standard_E with 2 to 96 processors, "
            "such as Standard_E8ads_v5"
        )


def cache(spec: CacheSpec, _: str) -> Iterator[str]:
    """Azure chooses copies and version by itself, and a geo-replicated cache keeps no snapshots."""
    if spec.azure.sku and spec.azure.sku not in CACHE_SKUS:
        sizes = ", ".join(sorted(CACHE_SKUS))
        yield f"azure.sku: Azure has no {spec.azure.sku} that can be replicated; allowed: {sizes}"
    if spec.port not in (None, _CACHE_PORT):
        yield f"port: {spec.port} cannot be had on Azure; allowed: {_CACHE_PORT}"
    if "snapshot_retention_days" in spec.model_fields_set and spec.snapshot_retention_days:
        yield "snapshot_retention_days: a geo-replicated cache keeps no snapshots on Azure; leave it out, or 0"
    if "replicas_per_shard" in spec.model_fields_set and spec.replicas_per_shard != 1:
        yield f"replicas_per_shard: {spec.replicas_per_shard} cannot be had on Azure; leave it out, or 1"
    if cache_size(spec) is None:
        most = int(CACHES[-1][0] * USABLE)
        yield f"memory_gib: {spec.memory_gib} times {spec.shards} shards cannot be had; allowed: up to {most} in all"


def traffic(spec: TrafficSpec, _: str) -> Iterator[str]:
    """No region has a switch outside of the cloud's control plane, and a profile has no address to give to a zone."""
    if spec.switches:
        yield "switches: only AWS has them; here a failover disables the region's endpoints. Leave them out"
    if spec.zone_id and not _ZONE_ID.fullmatch(spec.zone_id):
        yield f"zone_id: must be {_ZONE_WORDS}"
    for record in spec.records:
        if record.name == spec.zone:
            yield f"records: {record.name} is the zone itself, which cannot lead to Traffic Manager; name one below"


def edge(spec: EdgeSpec, _: str) -> Iterator[str]:
    """Zones go by their resource id."""
    if spec.zone_id and not _ZONE_ID.fullmatch(spec.zone_id):
        yield f"zone_id: must be {_ZONE_WORDS}"
    elif spec.zone_id and spec.zone_id.rpartition("/")[2] != spec.zone:
        yield f"zone_id: is that of {spec.zone_id.rpartition('/')[2]}; allowed: that of {spec.zone}"


def archive(spec: ArchiveSpec, region: str) -> Iterator[str]:
    """Azure copies a region's storage to the one region that it is paired with.

    Object replication would reach any region, but fails for what is in the archive tier, and for changes that a
    retention forbids at its destination (Storage documentation, "Object replication", Blob tiering, Immutable blobs).
    """
    pair = AZURE_PAIRS.get(region)
    if spec.replica_region != pair:
        allowed = pair or f"none: Azure has paired {region} with no region, so the archive must be in another"
        yield f"replica_region: {region} is not copied to {spec.replica_region}; allowed: {allowed}"
    if spec.locked:
        yield (
            "locked: Azure locks by a call and by no property, for a policy cannot be made locked; "
            "do it by `az storage container immutability-policy lock`, and leave it out here"
        )


RULES: Final[Rules] = {
    "tags": tags,
    "keys": keys,
    "network": network,
    "nodes": nodes,
    "service": service,
    "database": database,
    "cache": cache,
    "traffic": traffic,
    "edge": edge,
    "archive": archive,
}
"""Rule by noun."""
