"""What Google Cloud cannot do of what a spec says. Pure: no SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.clouds.limits import Rules
    from components.database.spec import DatabaseSpec
    from components.traffic.spec import TrafficSpec

_PORT = 5432


def database(spec: DatabaseSpec, _: str) -> Iterator[str]:
    """The port is fixed, and nobody signs in with a password."""
    if spec.port != _PORT:
        yield f"port: {spec.port} cannot be had on Google Cloud; allowed: {_PORT}"
    if spec.password_version != 1:
        yield "password_version: there is no password on Google Cloud: people and services sign in with their identity"
    if "master_user" in spec.model_fields_set:
        yield "master_user: there is no master password on Google Cloud; leave it out"


def traffic(spec: TrafficSpec, _: str) -> Iterator[str]:
    """No region has a switch outside of the cloud's control plane."""
    if spec.switches:
        yield "switches: only AWS has them; here a failover changes the traffic's own weights. Leave them out"


RULES: Final[Rules] = {"database": database, "traffic": traffic}
"""Rule by noun."""
