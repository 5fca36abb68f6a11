"""What Cloud DNS and its health checks refuse.

Sources: Cloud DNS API, ResourceRecordSet and RRSetRoutingPolicy; Cloud DNS documentation, "DNS routing policies and
health checks"; Compute API, healthChecks; terraform-provider-google, dns_record_set (what excludes what).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp.kinds import HEALTH_CHECK, RECORD, ZONE
from testbeds.lab.gcp.references import find, leaf
from testbeds.lab.wire import Object, child, children, has_unknown, is_unknown, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.gcp.checks import Asked
    from testbeds.lab.world import World

_PROTOCOLS: Final = ("grpc", "grpcTls", "http", "http2", "https", "ssl", "tcp")
_FROM_REGIONS: Final = ("http", "https", "tcp")
_SOURCES: Final = 3
_SOURCES_INTERVAL_S: Final = 30
_THRESHOLDS: Final = range(1, 11)
_FAMILIES: Final[Mapping[str, int]] = {"A": 4, "AAAA": 6}
_WAYS: Final = ("wrrs", "geos", "primaryBackup")


def check(asked: Asked) -> Iterator[Failure]:
    """One protocol; from named regions only some of them, and not more often than each 30 seconds."""
    news = asked.news
    given = [name for name in _PROTOCOLS if f"{name}HealthCheck" in news]
    if len(given) != 1:
        yield Failure("httpsHealthCheck", f"invalid: one protocol is needed, {len(given)} are given")
    interval_s, timeout_s = news.get("checkIntervalSec", 5), news.get("timeoutSec", 5)
    if isinstance(interval_s, int) and isinstance(timeout_s, int) and timeout_s > interval_s:
        yield Failure("timeoutSec", f"invalid: {timeout_s} is more than checkIntervalSec {interval_s}")
    for name in ("healthyThreshold", "unhealthyThreshold"):
        value = news.get(name, 2)
        if isinstance(value, int) and value not in _THRESHOLDS:
            yield Failure(name, f"invalid: {value}; accepted: 1 to 10")
    if news.get("sourceRegions"):
        yield from _from_regions(asked, given, interval_s)


def _from_regions(asked: Asked, given: list[str], interval_s: object) -> Iterator[Failure]:
    regions = texts(asked.news, "sourceRegions")
    if len(set(regions)) != _SOURCES:
        yield Failure("sourceRegions", f"invalid: exactly {_SOURCES} regions, not {len(set(regions))}")
    for region in regions:
        if region not in asked.tables.zones:
            yield Failure("sourceRegions", f"invalid: {region!r} is no region of Google Cloud")
    if isinstance(interval_s, int) and interval_s < _SOURCES_INTERVAL_S:
        yield Failure("checkIntervalSec", f"invalid: {interval_s}; with sourceRegions at least {_SOURCES_INTERVAL_S}")
    for name in given:
        block = child(asked.news, f"{name}HealthCheck")
        if name not in _FROM_REGIONS:
            yield Failure(f"{name}HealthCheck", f"invalid: with sourceRegions only {', '.join(_FROM_REGIONS)}")
        if text(block, "proxyHeader") not in ("", "NONE") or block.get("request"):
            yield Failure(f"{name}HealthCheck", "invalid: with sourceRegions neither proxyHeader nor a TCP request")


def record(asked: Asked) -> Iterator[Failure]:
    """A fully qualified name with values or one policy, whose checked targets are addresses of the record's type."""
    name = text(asked.news, "name")
    if name and not name.endswith("."):
        yield Failure("name", f"invalid: {name!r} is not fully qualified: it ends in a dot")
    policy = child(asked.news, "routingPolicy")
    if bool(policy) == bool(asked.news.get("rrdatas")):
        yield Failure("rrdatas", "one of `rrdatas,routing_policy` must be specified, and not both")
    if not policy:
        return
    if len([way for way in _WAYS if policy.get(way)]) != 1:
        yield Failure("routingPolicy", "one of `wrr,geo,primary_backup` must be specified, and no other")
    for path, item in items(policy):
        yield from _item(asked, f"routingPolicy.{path}", item)
    if any(targets(item) for _, item in items(policy)) and not policy.get("healthCheck"):
        yield Failure("routingPolicy.healthCheck", "invalid: external endpoints need a health check")


def items(policy: Object) -> Iterator[tuple[str, Object]]:
    """Every item of a policy that answers, with its path."""
    backup = child(policy, "primaryBackup")
    if primary := child(backup, "primary"):
        yield "primaryBackup.primary", {"healthCheckedTargets": primary}
    for path, found in (("wrrs", policy), ("geos", policy), ("backupGeos", backup)):
        for number, item in enumerate(children(found, path)):
            yield f"{path}[{number}]", item


def targets(item: Object) -> list[str]:
    """External addresses that an item has checked; unknown ones too."""
    found = child(item, "healthCheckedTargets").get("externalEndpoints")
    return [str(one) for one in found] if isinstance(found, list) else []


def _item(asked: Asked, path: str, item: Object) -> Iterator[Failure]:
    checked, inside = targets(item), child(item, "healthCheckedTargets").get("internalLoadBalancers")
    kind = text(asked.news, "type")
    if (checked or inside) and kind not in _FAMILIES:
        yield Failure(path, f"invalid: a record of type {kind} cannot have health checked targets; A and AAAA can")
    if checked and inside:
        yield Failure(path, "invalid: internal load balancers or external endpoints, not both")
    for address in checked if kind in _FAMILIES else ():
        if not is_unknown(address) and not _is_address(address, _FAMILIES[kind]):
            yield Failure(path, f"invalid: {address!r} is no IPv{_FAMILIES[kind]} address")
    weight = item.get("weight")
    if isinstance(weight, int | float) and weight < 0:
        yield Failure(path, f"invalid: the weight {weight} is negative")
    location = text(item, "location")
    if location and location not in asked.tables.zones:
        yield Failure(path, f"invalid: {location!r} is no region of Google Cloud")


def _is_address(value: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(value).version == version
    except ValueError:
        return False


def refuse_record(inputs: Object, id_: str, world: World) -> None:
    """What a zone and its other records do not allow.

    Raises:
        RefusedError: They do not.
    """
    zone = find(world, ZONE, text(inputs, "managedZone"))
    policy = child(inputs, "routingPolicy")
    _refuse_check(policy, world)
    for path, item in items(policy):
        inside = bool(child(item, "healthCheckedTargets").get("internalLoadBalancers"))
        private = zone is not None and text(zone.outputs, "visibility") == "private"
        if zone is not None and inside and not private:
            raise RefusedError(
                "internalLoadBalancerDisallowedInPublicZone", f"{path} names internal load balancers in a public zone"
            )
        if targets(item) and private:
            raise RefusedError("invalid", f"{path} names external endpoints in a private zone")
        signed = zone is not None and text(child(zone.outputs, "dnssecConfig"), "state") == "on"
        if signed and len(targets(item)) > 1:
            raise RefusedError("invalid", f"{path}: in a signed zone an item has at most one health checked address")
    _refuse_beside_cname(inputs, id_, world)


def _refuse_check(policy: Object, world: World) -> None:
    reference = text(policy, "healthCheck")
    if not reference or has_unknown(reference):
        return
    there = find(world, HEALTH_CHECK, reference)
    if there is None:
        raise RefusedError("notFound", f"the health check {reference!r} was not found")
    if not texts(there.outputs, "sourceRegions"):
        raise RefusedError("invalid", f"the health check {reference} has no source regions")


def _refuse_beside_cname(inputs: Object, id_: str, world: World) -> None:
    """RFC 1912, 2.4: a CNAME stands alone."""
    zone, name, kind = leaf(text(inputs, "managedZone")), text(inputs, "name"), text(inputs, "type")
    for one in world.objects(RECORD):
        its = (leaf(text(one.outputs, "managedZone")), text(one.outputs, "name"))
        if one.id != id_ and its == (zone, name) and "CNAME" in (kind, text(one.outputs, "type")):
            raise RefusedError(
                "cnameResourceRecordSetConflict", f"{one.id} has the same name, and a CNAME stands alone"
            )
