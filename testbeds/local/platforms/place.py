"""Where one sample platform is: its ports, its folder, its database. Written by who starts it, read by its process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

ROCKS = "rocks"
"""V10's database in its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One platform's place. Ports are on loopback.

    Args:
        name: The platform's name, such as `v10`.
        folder: Its own.
        port: V10: HTTP; V11: gRPC.
        socket_port: V11's WebSockets; 0: on `port`.
        control_port: For the bed (control.py).
        conninfo: V11's database; empty: V10 has its own.
        claims: V10: the database in which it claims idempotency keys; empty: it has its own memory only.
        tls: V11: folder of its certificate, key and authority; empty: plain text.
        delay_s: Each request takes so much longer, ≥ 0.
    """

    name: str
    folder: str
    port: int
    control_port: int
    socket_port: int = 0
    conninfo: str = ""
    claims: str = ""
    tls: str = ""
    delay_s: float = 0.0


def save(place: Place) -> Path:
    """Write it into its folder; returns the file."""
    folder = Path(place.folder)
    folder.mkdir(exist_ok=True)
    file = folder / "place.json"
    file.write_text(json.dumps(asdict(place)))
    return file


def load(file: Path) -> Place:
    """Read what `save` wrote."""
    return Place(**json.loads(file.read_text()))
