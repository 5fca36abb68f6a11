"""What Traffic Manager and Azure DNS refuse.

Sources: Traffic Manager documentation, "Endpoint monitoring" and "Traffic Manager endpoints"; Azure DNS documentation,
"Overview of DNS zones and records", CNAME records.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure.asked import Asked, Coming, existing
from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.wire import Json, Object, child, children, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.world import World, WorldObject

PROFILE: Final = "azure-native:trafficmanager:Profile"
ENDPOINT: Final = "azure-native:trafficmanager:Endpoint"
RECORD: Final = "azure-native:dns:RecordSet"

_TIMEOUTS_S: Final[Mapping[int, range]] = {10: range(5, 10), 30: range(5, 11)}
"""Accepted time-outs of a check by its interval."""
_TOLERATED: Final = range(10)
_MOST_HEADERS: Final = 8
_HOLDS: Final[Mapping[str, str]] = {"A": "aRecords", "AAAA": "aaaaRecords", "CNAME": "cnameRecord", "TXT": "txtRecords"}
"""Where a record set of a type has its values, beside which an alias may stand in `targetResource`."""


def refused_inputs(asked: Asked) -> Iterator[Failure]:
    """Refusals that need no look at the world."""
    if asked.token == PROFILE:
        yield from _profile(asked.news)
    if asked.token == ENDPOINT:
        yield from _endpoint(asked.news)
    if asked.token == RECORD:
        yield from _record(asked.news)


def _profile(news: Object) -> Iterator[Failure]:
    check = child(news, "monitorConfig")
    interval_s, timeout_s = check.get("intervalInSeconds", 30), check.get("timeoutInSeconds")
    timeouts = _TIMEOUTS_S.get(interval_s) if isinstance(interval_s, int) else None
    if timeouts is None:
        yield Failure("monitorConfig.intervalInSeconds", f"BadRequest: {interval_s} s; accepted: 10, 30")
    elif isinstance(timeout_s, int) and timeout_s not in timeouts:
        accepted = f"{timeouts[0]} to {timeouts[-1]} with checks each {interval_s} s"
        yield Failure("monitorConfig.timeoutInSeconds", f"BadRequest: {timeout_s} s; accepted: {accepted}")
    tolerated = check.get("toleratedNumberOfFailures", 3)
    if tolerated not in _TOLERATED:
        yield Failure("monitorConfig.toleratedNumberOfFailures", f"BadRequest: {tolerated}; accepted: 0 to 9")
    protocol, path = word(check, "protocol").upper(), word(check, "path")
    if protocol == "TCP" and path:
        yield Failure("monitorConfig.path", "BadRequest: a check by TCP has no path")
    if protocol in ("HTTP", "HTTPS") and "path" not in check:
        yield Failure("monitorConfig.path", f"BadRequest: a check by {protocol} needs a path")


def _endpoint(news: Object) -> Iterator[Failure]:
    kind = word(news, "endpointType").rsplit("/", 1)[-1]
    if kind == "ExternalEndpoints" and not news.get("target"):
        yield Failure("target", "BadRequest: an external endpoint needs a target")
    if kind in ("AzureEndpoints", "NestedEndpoints") and not news.get("targetResourceId"):
        yield Failure("targetResourceId", f"BadRequest: {kind} need targetResourceId")
    if kind == "NestedEndpoints" and news.get("minChildEndpoints") is None:
        yield Failure("minChildEndpoints", "BadRequest: a nested endpoint needs minChildEndpoints")
    if len(children(news, "customHeaders")) > _MOST_HEADERS:
        yield Failure("customHeaders", f"BadRequest: more than {_MOST_HEADERS}")


def _record(news: Object) -> Iterator[Failure]:
    kind = word(news, "recordType").rsplit("/", 1)[-1]
    if kind == "CNAME" and news.get("relativeRecordSetName") == "@":
        yield Failure("relativeRecordSetName", "BadRequest: a zone's own name cannot be a CNAME")
    wrong = sorted(key for other, key in _HOLDS.items() if other != kind and kind in _HOLDS and news.get(key))
    if wrong:
        yield Failure(wrong[0], f"BadRequest: a record set of type {kind} has no {wrong[0]}; it has {_HOLDS[kind]}")


def refuse_create(coming: Coming, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: The service refuses the object.
    """
    if coming.token == ENDPOINT:
        _endpoint_fits(coming.id, coming.inputs, world)
    if coming.token == RECORD:
        _name_is_free(coming.id, world)


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """An endpoint must still fit to the others.

    Raises:
        RefusedError: It would not.
    """
    if current.type == ENDPOINT:
        _endpoint_fits(current.id, inputs, world)


def _endpoint_fits(id_: str, inputs: Object, world: World) -> None:
    profile_id = id_.rsplit("/", 2)[0]
    profile = existing(world, PROFILE, profile_id)
    method = word(profile.inputs, "trafficRoutingMethod") if profile else ""
    others = [one for one in world.objects(ENDPOINT) if one.id.startswith(f"{profile_id}/") and one.id != id_]
    priority = inputs.get("priority")
    if method == "Priority" and priority and priority in [one.inputs.get("priority") for one in others]:
        raise RefusedError("BadRequest", f"two endpoints of {profile_id} would have the priority {priority}")
    if method == "Performance" and _kind(id_) == "externalendpoints" and not inputs.get("endpointLocation"):
        raise RefusedError("BadRequest", "an external endpoint of a Performance profile needs endpointLocation")
    own, there = _target(id_, inputs), {_target(one.id, one.inputs) for one in others}
    if "address" in {own, *there} and {own, *there} & {"host", "azure"}:
        raise RefusedError(
            "BadRequest", f"{profile_id} would mix an address as a target with host names or Azure endpoints"
        )


def _kind(id_: str) -> str:
    return id_.lower().split("/")[-2]


def _target(id_: str, inputs: Object) -> str:
    if _kind(id_) != "externalendpoints":
        return "azure" if _kind(id_) == "azureendpoints" else "nested"
    return "address" if _is_address(inputs.get("target")) else "host"


def _is_address(value: Json) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True


def _name_is_free(id_: str, world: World) -> None:
    """A CNAME stands alone (Azure DNS answers CannotCreateRecordDueToCNameNamingRestriction)."""
    zone, kind, name = id_.rsplit("/", 2)
    for one in world.objects(RECORD):
        its_zone, its_kind, its_name = one.id.rsplit("/", 2)
        same = (zone.lower(), name.lower()) == (its_zone.lower(), its_name.lower())
        if same and kind != its_kind and "CNAME" in (kind, its_kind):
            raise RefusedError("Conflict", f"{one.id} has the same name, and a CNAME stands alone")
