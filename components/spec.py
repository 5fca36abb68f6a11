"""What all specs share. A spec is a plain, frozen description that is known before a preview."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

if TYPE_CHECKING:
    from collections.abc import Collection


class Spec(BaseModel):
    """Base of every spec: unknown keys are refused, nothing changes after it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _network(text: str) -> str:
    return str(IPv4Network(text))


Cidr = Annotated[str, AfterValidator(_network)]
"""A range of IPv4 addresses: 10.0.0.0/8."""


def _address(text: str) -> str:
    return str(IPv4Address(text))


Address = Annotated[str, AfterValidator(_address)]
"""One IPv4 address."""

Zone = Annotated[str, StringConstraints(pattern=r"^[a-h]$")]
"""The letter of an availability zone; a cloud that numbers its zones maps 1 to a, 2 to b."""

DnsName = Annotated[
    str,
    StringConstraints(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"),
]
"""A fully qualified host or zone name in lower case, without the last dot."""


def check_names(zone_id: str | None, *, create_zone: bool, check_interval_s: int) -> None:
    """What holds for names over regions and over clouds alike.

    Raises:
        ValueError: The zone is neither given nor to be made, or both; or the interval is none that DNS providers have.
    """
    if bool(zone_id) == create_zone:
        raise ValueError("give zone_id, or set create_zone to true; not both, not neither")
    if check_interval_s not in (10, 30):
        raise ValueError("check_interval_s must be 10 or 30")


def check_weights(weights: Collection[int]) -> None:
    """Somebody gets something: with nothing but zeros some clouds answer with everybody, some with nobody.

    Raises:
        ValueError: All weights are 0.
    """
    if weights and not any(weights):
        raise ValueError("weights are all 0; one must be above")
