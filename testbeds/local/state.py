"""What a bed says of itself in its folder, for whoever uses it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from aurops.processes import Process
from testbeds.local import processes
from testbeds.local.layout import LOOPBACK, Layout
from testbeds.local.wiring import OUTSIDE, seen_from

SCHEMA = 1
PREFIX = "aurops-bed-"
FILE = "bed.json"


class BedState(BaseModel):
    """A bed that is up. Written once, to `bed.json` in the bed's folder.

    Args:
        schema_: Version of this record.
        id: The bed's id; its processes carry it as `AUROPS_BED`.
        folder: The bed's folder, removed with it.
        supervisor_pid: The process with which the bed ends.
        supervisor_start_ticks: Its start, by which it is told from a later process with that pid.
        control_url: The supervisor's address.
        proxy_url: Envoy: where clients go.
        admin_url: Envoy's admin interface.
        edge_url: The edge's agent.
        agents: Address of each region's agent, as seen from outside: by a link where there are any.
        node_urls: Addresses of each region's nodes, which serve only who stamps the epoch as the proxy does.
        postgres_ports: PostgreSQL's port on loopback, for each region.
        valkey_ports: Valkey's port on loopback, for each region.
        versions: What each component says of itself, and where it was found.
        up_s: How long it took to come up.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema")
    id: str
    folder: Path
    supervisor_pid: int
    supervisor_start_ticks: int
    control_url: str
    proxy_url: str
    admin_url: str
    edge_url: str
    agents: dict[str, str]
    node_urls: dict[str, tuple[str, ...]]
    postgres_ports: dict[str, int]
    valkey_ports: dict[str, int]
    versions: dict[str, str]
    up_s: float

    @property
    def alive(self) -> bool:
        """Whether the bed's supervisor lives."""
        return processes.state(Process(self.supervisor_pid, self.supervisor_start_ticks)) is not None


def describe(layout: Layout, versions: dict[str, str], up_s: float) -> BedState:
    """The state of the bed whose supervisor is this process.

    Raises:
        ProcessLookupError: /proc does not know this process.
    """
    own = processes.identity(os.getpid())
    if own is None:
        raise ProcessLookupError("this process is not in /proc")
    seen = seen_from(layout, OUTSIDE)
    return BedState(
        id=layout.bed,
        folder=Path(layout.folder),
        supervisor_pid=own.pid,
        supervisor_start_ticks=own.start_ticks,
        control_url=f"http://{LOOPBACK}:{layout.control_port}",
        proxy_url=f"http://{LOOPBACK}:{layout.proxy_port}",
        admin_url=f"http://{LOOPBACK}:{layout.admin_port}",
        edge_url=f"http://{LOOPBACK}:{layout.edge_port}",
        agents={region.name: region.agent_url for region in seen.regions},
        node_urls={
            region.name: tuple(f"http://{LOOPBACK}:{port}" for port in region.node_ports) for region in layout.regions
        },
        postgres_ports={region.name: region.postgres_port for region in layout.regions},
        valkey_ports={region.name: region.valkey_port for region in layout.regions},
        versions=versions,
        up_s=round(up_s, 3),
    )


def folders() -> tuple[Path, ...]:
    """Folders of beds of this user, up or not."""
    found = Path(tempfile.gettempdir()).glob(f"{PREFIX}*")
    return tuple(sorted(folder for folder in found if folder.is_dir() and folder.stat().st_uid == os.geteuid()))


def identifier(folder: Path) -> str:
    """The id of the bed that has this folder."""
    return folder.name.removeprefix(PREFIX)
