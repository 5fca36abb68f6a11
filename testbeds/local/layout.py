"""Where everything of one bed is: folders, ports, binaries. Written once by the supervisor, read by every process.

Kept free of heavy imports: ten processes of a bed load it while the bed comes up.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aurops.errors import OutsideError
from aurops.files import write_durably

SERVICE = "ledger"
REGIONS = ("north", "south", "west")
BORN_PRIMARY = "north"
LOOPBACK = "127.0.0.1"
NODES_PER_REGION = 2
VANTAGES = ("vantage-1", "vantage-2", "vantage-3")
_FIXED_PORTS = 4  # control, proxy, admin, edge
_REGION_PORTS = 3 + NODES_PER_REGION  # agent, PostgreSQL, Valkey, nodes
BLOCK_SIZE = _FIXED_PORTS + _REGION_PORTS * len(REGIONS)
"""Consecutive ports that one bed takes; the first one, held by the supervisor all its life, claims the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """The real programs that a bed runs.

    Args:
        postgres_bin: Folder of PostgreSQL's programs.
        valkey: valkey-server.
        envoy: envoy.
    """

    postgres_bin: str
    valkey: str
    envoy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region's place. Ports are on loopback.

    Args:
        limited: Its database lies on a small volume of its own (testbeds/local/volumes.py).
    """

    name: str
    folder: str
    agent_port: int
    postgres_port: int
    valkey_port: int
    node_ports: tuple[int, ...]
    limited: bool = False

    @property
    def agent_url(self) -> str:
        """The region agent's address."""
        return f"http://{LOOPBACK}:{self.agent_port}"

    @property
    def volume(self) -> Path:
        """Where its volume is mounted, for its own processes, when it is limited."""
        return Path(self.folder, "volume")

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return Path(self.volume if self.limited else self.folder, "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A port on loopback that stands for another (testbeds/local/wiring.py).

    Args:
        source: Who connects to it: a region, a vantage point, or those outside.
        to: Where it leads.
        port: Listens.
        to_port: What it stands for.
    """

    source: str
    to: str
    port: int
    to_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """A bed's links.

    Args:
        control_port: Where they are cut and healed.
        links: All of them.
        report_ports: Where each vantage point listens.
    """

    control_port: int
    links: tuple[Link, ...]
    report_ports: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One bed's place.

    Args:
        postgres_uid: User and group that PostgreSQL runs as; None: the user of the bed (who is not root).
        wiring: Its links; None: connections are direct.
    """

    bed: str
    folder: str
    control_port: int
    proxy_port: int
    admin_port: int
    edge_port: int
    regions: tuple[Region, ...]
    components: Components
    postgres_uid: int | None
    wiring: Wiring | None = None

    @property
    def file(self) -> Path:
        """Where the layout is kept."""
        return Path(self.folder, "layout.json")

    @property
    def steering_folder(self) -> Path:
        """What steers Envoy (traffic/folder.py)."""
        return Path(self.folder, "edge")

    def region(self, name: str) -> Region:
        """The region of this name.

        Raises:
            KeyError: There is none.
        """
        return {region.name: region for region in self.regions}[name]

    def others(self, name: str) -> tuple[str, ...]:
        """The other regions: who may vote for this one's commits."""
        return tuple(region.name for region in self.regions if region.name != name)


def plan(
    bed: str,
    folder: Path,
    first_port: int,
    components: Components,
    postgres_uid: int | None,
    limited: str | None = None,
) -> Layout:
    """The layout of a bed whose ports are `first_port` and the `BLOCK_SIZE` - 1 after it.

    Args:
        bed: Its id.
        folder: Its folder.
        first_port: The first of its ports.
        components: The programs that it runs.
        postgres_uid: See `Layout`.
        limited: The region whose database gets a small volume of its own; None: none.
    """
    ports = iter(range(first_port, first_port + BLOCK_SIZE))
    control_port, proxy_port, admin_port, edge_port = (next(ports) for _ in range(_FIXED_PORTS))
    regions = tuple(
        Region(
            name=name,
            folder=str(folder / name),
            agent_port=next(ports),
            postgres_port=next(ports),
            valkey_port=next(ports),
            node_ports=tuple(next(ports) for _ in range(NODES_PER_REGION)),
            limited=name == limited,
        )
        for name in REGIONS
    )
    return Layout(
        bed=bed,
        folder=str(folder),
        control_port=control_port,
        proxy_port=proxy_port,
        admin_port=admin_port,
        edge_port=edge_port,
        regions=regions,
        components=components,
        postgres_uid=postgres_uid,
    )


def save(layout: Layout) -> None:
    """Write the layout into its bed's folder."""
    write_durably(layout.file, json.dumps(asdict(layout)))


def load(file: str | Path) -> Layout:
    """Read a layout that `save` wrote.

    Raises:
        OutsideError: Another version of aurops wrote it.
    """
    raw: dict[str, Any] = json.loads(Path(file).read_text())
    try:
        return _made(raw)
    except (KeyError, TypeError) as error:
        raise OutsideError(
            "this bed was brought up by another version of aurops",
            where=str(file),
            next_step="aurops local down --all, then bring one up again",
        ) from error


def _made(raw: dict[str, Any]) -> Layout:
    regions = tuple(Region(**{**region, "node_ports": tuple(region["node_ports"])}) for region in raw.pop("regions"))
    components = Components(**raw.pop("components"))
    wiring = raw.pop("wiring")
    if wiring is not None:
        wiring = Wiring(**{**wiring, "links": tuple(Link(**link) for link in wiring["links"])})
    return Layout(regions=regions, components=components, wiring=wiring, **raw)
