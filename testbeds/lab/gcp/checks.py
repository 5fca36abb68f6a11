"""What Google Cloud refuses from the inputs alone, so that a preview says it: names, labels, places, combinations."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.checking import Failure
from testbeds.lab.gcp import dns, names
from testbeds.lab.gcp.kinds import BUCKET, CLUSTER, HEALTH_CHECK, RECORD, SQL
from testbeds.lab.gcp.rules import retention_refusal
from testbeds.lab.wire import DEFAULTS, Json, Object, child, children, flag, is_unknown, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from testbeds.lab.tables import Tables

_ZONE: Final = re.compile(r"([a-z]+-[a-z]+\d+)-[a-z]")
_ZONAL: Final = frozenset({"zone", "zones", "secondaryZone", "nodeLocations"})
_RANGES: Final = frozenset({"ipCidrRange", "masterIpv4CidrBlock"})
_LABELLED: Final[Mapping[str, tuple[str, ...]]] = {
    SQL: ("settings.userLabels",),
    CLUSTER: ("resourceLabels",),
}
_WITH_ZONES: Final = ("gcp:compute/", "gcp:container/", "gcp:memorystore/", "gcp:redis/", "gcp:sql/")
"""Elsewhere `zone` may be something else's name."""
_SPANS_REGIONS: Final = re.compile(r"[a-z]{2,6}\d{0,2}|-")
"""`global`, `us`, `nam4` and the like."""
_VERSION: Final = re.compile(r"(?P<engine>[A-Z]+)_(?P<version>\d+(?:_\d+)?)")
_MINOR: Final = re.compile(r"(?P<major>\d+)\.(?P<minor>\d+)")
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Asked:
    """Inputs to check.

    Args:
        token: The type.
        news: Inputs now.
        olds: Inputs before; empty for a new object.
        region: Where it lives; empty for a global one.
        tables: The dated tables.
    """

    token: str
    news: Object
    olds: Object
    region: str
    tables: Tables


def region_of(location: str, tables: Tables) -> str:
    """The region of a location, which may be a zone; empty for what spans regions."""
    location = location.lower()
    if location in tables.zones:
        return location
    zone = _ZONE.fullmatch(location)
    return zone[1] if zone and zone[1] in tables.zones else ""


def refused_inputs(asked: Asked, lacking: str) -> Iterator[Failure]:
    """Refusals that need no look at the world.

    Args:
        asked: The inputs.
        lacking: A property that neither the program nor the provider gives; empty: none.
    """
    if lacking:
        yield Failure(
            lacking, f"required field is not set: set gcp:{lacking}, or {lacking} on the provider or resource"
        )
    yield from _name(asked)
    yield from _labels(asked)
    yield from _location(asked)
    yield from _nested(asked, asked.news, "")
    special = _BY_TYPE.get(asked.token)
    if special:
        yield from special(asked)


def _name(asked: Asked) -> Iterator[Failure]:
    rule = names.rule_of(asked.token)
    name = text(asked.news, rule.prop) if rule else ""
    if rule and name and not rule.form.fullmatch(name):
        yield Failure(rule.prop, f"invalid: {name!r}; {rule.says}")


def _labels(asked: Asked) -> Iterator[Failure]:
    for path in ("labels", *_LABELLED.get(asked.token, ())):
        given: Json = asked.news
        for part in path.split("."):
            given = child(given, part) if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            continue
        if len(given) > names.MOST_LABELS:
            yield Failure(path, f"{len(given)} labels; at most {names.MOST_LABELS} are accepted")
        for key, value in given.items():
            why = names.label_refusal(key, "" if is_unknown(value) else str(value))
            if why:
                yield Failure(f'{path}["{key}"]', f"badRequest: {why}")


def _location(asked: Asked) -> Iterator[Failure]:
    for prop in ("region", "location"):
        place = text(asked.news, prop)
        region = region_of(place, asked.tables)
        there = {region, *asked.tables.zones.get(region, ())} - {""}
        if place and place.lower() not in there and not _SPANS_REGIONS.fullmatch(place.lower()):
            yield Failure(prop, f"invalid: {place!r} is no region or zone of Google Cloud")


def _nested(asked: Asked, value: Json, path: str) -> Iterator[Failure]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == DEFAULTS:
                continue
            here = f"{path}.{name}" if path else name
            for one in inner if isinstance(inner, list) else [inner]:
                if isinstance(one, str) and not is_unknown(one):
                    yield from _leaf(asked, name, one, here)
            yield from _nested(asked, inner, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nested(asked, item, f"{path}[{index}]")


def _leaf(asked: Asked, name: str, value: str, path: str) -> Iterator[Failure]:
    if name in _ZONAL and asked.token.startswith(_WITH_ZONES):
        region = _ZONE.fullmatch(value)
        own = asked.region or (region[1] if region else "")
        zones = asked.tables.zones.get(own, ())
        if value not in zones:
            has = ", ".join(zones) or "no such region"
            yield Failure(path, f"invalid: {value!r} is no zone of {own or 'any region'}; it has: {has}")
    if name in _RANGES:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            yield Failure(path, f"invalid: {error}")


def _sql(asked: Asked) -> Iterator[Failure]:
    settings = child(asked.news, "settings")
    tier, edition = text(settings, "tier"), text(settings, "edition")
    best = "db-perf-optimized-N-"
    if edition == "ENTERPRISE_PLUS" and tier and not tier.startswith((best, "db-c4a-highmem-")):
        yield Failure("settings.tier", f"invalid: Invalid Tier ({tier}) for (ENTERPRISE_PLUS) Edition; use {best}*")
    if edition == "ENTERPRISE" and tier.startswith(best):
        yield Failure("settings.tier", f"invalid: Invalid Tier ({tier}) for (ENTERPRISE) Edition; use db-custom-*")
    backups = child(settings, "backupConfiguration")
    if flag(backups, "pointInTimeRecoveryEnabled") and not flag(backups, "enabled"):
        yield Failure("settings.backupConfiguration.enabled", "invalidRequest: point-in-time recovery needs backups")
    # A replica's master may be unknown still: it is in another stack, which is not up.
    primary = "masterInstanceName" not in asked.news and text(asked.news, "instanceType") != "READ_REPLICA_INSTANCE"
    if text(settings, "availabilityType") == "REGIONAL" and primary:
        log = (
            "binaryLogEnabled"
            if text(asked.news, "databaseVersion").startswith("MYSQL")
            else "pointInTimeRecoveryEnabled"
        )
        if not (flag(backups, "enabled") and flag(backups, log)):
            yield Failure("settings.availabilityType", f"invalidRequest: REGIONAL needs backups with enabled and {log}")
    old, new = (_VERSION.fullmatch(text(each, "databaseVersion")) for each in (asked.olds, asked.news))
    if old and new and (old["engine"] != new["engine"] or _number(new["version"]) < _number(old["version"])):
        yield Failure("databaseVersion", f"invalidRequest: {old[0]} cannot become {new[0]}")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("_"))


def _cluster(asked: Asked) -> Iterator[Failure]:
    if text(asked.news, "datapathProvider") == "ADVANCED_DATAPATH" and flag(
        child(asked.news, "networkPolicy"), "enabled"
    ):
        yield Failure("networkPolicy.enabled", "badRequest: not with datapathProvider ADVANCED_DATAPATH, which has it")
    old, new = (_MINOR.match(text(each, "minMasterVersion")) for each in (asked.olds, asked.news))
    step = int(new["minor"]) - int(old["minor"]) if old and new else 0
    if old and new and not 0 <= step <= 1:
        allowed = f"{old['major']}.{int(old['minor']) + 1}"
        yield Failure(
            "minMasterVersion", f"badRequest: from {old[0]} one minor version at a time, never back: {allowed}"
        )
    pool = text(child(asked.news, "workloadIdentityConfig"), "workloadPool")
    if pool and not pool.endswith(".svc.id.goog"):
        yield Failure("workloadIdentityConfig.workloadPool", f"badRequest: {pool!r} is not PROJECT.svc.id.goog")
    range_ = text(child(asked.news, "privateClusterConfig"), "masterIpv4CidrBlock")
    if range_ and not range_.endswith("/28"):
        yield Failure("privateClusterConfig.masterIpv4CidrBlock", f"badRequest: {range_} is no /28")


def _bucket(asked: Asked) -> Iterator[Failure]:
    why = retention_refusal(child(asked.olds, "retentionPolicy"), child(asked.news, "retentionPolicy"))
    if why:
        yield Failure("retentionPolicy", f"forbidden: {why}")


def _key(asked: Asked) -> Iterator[Failure]:
    period = text(asked.news, "rotationPeriod")
    seconds = period.removesuffix("s")
    if period and not (period.endswith("s") and seconds.replace(".", "", 1).isdigit()):
        yield Failure("rotationPeriod", f"{period!r} is no number of seconds, such as 7776000s")
    elif period and float(seconds) < _DAY_S:
        yield Failure("rotationPeriod", f"{period}: at least {_DAY_S}s, one day")


def _dns_zone(asked: Asked) -> Iterator[Failure]:
    name = text(asked.news, "dnsName")
    if name and not name.endswith("."):
        yield Failure("dnsName", f"invalid: {name!r} is not fully qualified: it ends in a dot")


def _service(asked: Asked) -> Iterator[Failure]:
    scaling = child(child(asked.news, "template"), "scaling")
    low, high = scaling.get("minInstanceCount"), scaling.get("maxInstanceCount")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Failure("template.scaling.minInstanceCount", f"{low} is more than maxInstanceCount {high}")
    shares = [one.get("percent") for one in children(asked.news, "traffics")]
    known = [one for one in shares if isinstance(one, int)]
    if shares and len(known) == len(shares) and sum(known) != 100:  # noqa: PLR2004 - per cent
        yield Failure("traffics", f"the shares sum to {sum(known)}, not to 100")


_BY_TYPE: Final[Mapping[str, Callable[[Asked], Iterator[Failure]]]] = {
    SQL: _sql,
    CLUSTER: _cluster,
    BUCKET: _bucket,
    "gcp:cloudrunv2/service:Service": _service,
    "gcp:dns/managedZone:ManagedZone": _dns_zone,
    RECORD: dns.record,
    HEALTH_CHECK: dns.check,
    "gcp:kms/cryptoKey:CryptoKey": _key,
}
