"""One proxy and what lies behind it, as a file describes it: what driver, watcher and rollback need to know; no secret.

The order of the sides decides who moves when weights change: each side's users lie beside the next one's. Growing side
first, then the one that shrinks, then those that stay (v11, v10, baseline): so nobody moves who need not.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Address = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+:[0-9]{1,5}$")]
"""host:port."""
ANY = "0.0.0.0"  # noqa: S104 (compared with; nothing listens here)
Header = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
"""A header's name in lower case."""


class Kind(StrEnum):
    """Which proxy."""

    ENVOY = "envoy"
    NGINX = "nginx"


class Side(BaseModel):
    """Where requests can go.

    Args:
        name: Lower case letters, digits and hyphens.
        backends: Where its servers listen; a host name's addresses are its own business, never a step's.
        health_path: Asked every 0.2 s, by Envoy, or for NGINX by the watcher; None: nobody asks.
        instead: The side that serves when this one dies; None: nobody does.
        drain_urls: Its applications' own interfaces that close WebSockets: `POST {"over_s": S}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    backends: Annotated[tuple[Address, ...], Field(min_length=1)]
    health_path: Annotated[str, Field(pattern=r"^/[!-~]*$")] | None = None
    instead: str | None = None
    drain_urls: tuple[str, ...] = ()


class Sticky(BaseModel):
    """By what a request keeps its side: the first of these that it has.

    Args:
        user_header: Who asks; whoever authenticates sets it, and nobody else can.
        key_header: The API key.
        trusted_hops: Proxies in front that append to X-Forwarded-For: the source address is the one so many places from
            its end; 0, or no address there: the connection's. Whoever goes around these proxies writes what he likes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_header: Header = "x-user-id"
    key_header: Header = "x-api-key"
    trusted_hops: Annotated[int, Field(ge=0, le=10)] = 0


class Site(BaseModel):
    """One proxy.

    Args:
        kind: Which.
        folder: Its own on the proxy's host: `live/` holds the one file that steers it.
        listens: Where clients come.
        admin: Its own interface: on loopback, on no other address, and not on the port of `listens`.
        sides: In the order that decides who moves.
        program: The proxy's own binary, which checks the way back; empty: the one of this kind on PATH.
        sticky: None: each request by itself.
        shared_keys: The sides look an `idempotency-key` up in the same place before they execute a write. Only then a
            write that may have been executed may be repeated at another side.
        timeout_s: A request gives up after so long, with its outcome unknown.
        connect_timeout_s: A connection that takes longer is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal[1] = Field(default=1, alias="schema")
    kind: Kind
    folder: Path
    listens: Address
    admin: Address
    sides: Annotated[tuple[Side, ...], Field(min_length=1)]
    program: str = ""
    sticky: Sticky | None = Sticky()
    shared_keys: bool = False
    timeout_s: Annotated[float, Field(gt=0)] = 15.0
    connect_timeout_s: Annotated[float, Field(gt=0)] = 0.25

    @property
    def names(self) -> tuple[str, ...]:
        """The sides' names, in order."""
        return tuple(side.name for side in self.sides)

    @property
    def way_back(self) -> str | None:
        """The side that others fall back to; None: there is none."""
        return next((side.instead for side in self.sides if side.instead), None)

    def side(self, name: str) -> Side:
        """The side of this name.

        Raises:
            KeyError: There is none.
        """
        return {side.name: side for side in self.sides}[name]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError("two sides have the same name")
        backs = {side.instead for side in self.sides if side.instead}
        if len(backs) > 1:
            raise ValueError(f"there is one way back, not {len(backs)}: {', '.join(sorted(backs))}")
        if self.way_back and (self.way_back not in self.names or self.side(self.way_back).instead):
            raise ValueError(f"{self.way_back} is not a side that stands by itself")
        host = self.admin.rpartition(":")[0]
        if host != "localhost" and not ip_address(host).is_loopback:
            raise ValueError(f"admin is on {host}: whoever reaches it steers; only loopback is allowed")
        if _overlap(self.listens, self.admin):
            raise ValueError(f"listens ({self.listens}) and admin ({self.admin}) are one port: each needs its own")
        return self


def _overlap(first: Address, second: Address) -> bool:
    """Whether one address takes in the other; names other than localhost are not looked up."""
    (host, _, port), (other, _, its_port) = (
        each.replace("localhost", "127.0.0.1").rpartition(":") for each in (first, second)
    )
    return int(port) == int(its_port) and (host == other or ANY in (host, other))
