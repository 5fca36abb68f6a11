"""The sample platforms that a stack consists of: what to start, and where it then is."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms.control import SOCKET_PATH
from testbeds.local.platforms.place import Place


class Kind(StrEnum):
    """What a member is; the value is its module."""

    REST = "v10"
    """V10: HTTP with JSON, RocksDB of its own."""
    GRPC = "v11"
    """V11: gRPC, PostgreSQL; WebSockets on a port of their own."""


class Member(BaseModel):
    """A platform to start."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    """Its name, unique in the stack."""
    kind: Kind
    """What it is."""
    delay_s: float = Field(default=0.0, ge=0)
    """Each request takes so much longer."""
    tls: bool = False
    """V11: it speaks mTLS only, with certificates of the stack's own authority (certificates.py)."""
    database: str = Field(default="ledger", pattern=r"^[a-z][a-z0-9_]*$")
    """V11: its database; members with the same one are nodes of one platform."""
    shares_keys: bool = False
    """V10: it claims idempotency keys in that database first, so that either platform executes one, never both."""


V10 = Member(name="v10", kind=Kind.REST)
V11 = Member(name="v11", kind=Kind.GRPC)


class Running(BaseModel):
    """A platform that was started."""

    model_config = ConfigDict(frozen=True)
    member: Member
    """What was asked for."""
    place: Place
    """Where it is."""
    pid: int
    """Its process."""

    @property
    def target(self) -> str:
        """Host and port of its service."""
        return f"{LOOPBACK}:{self.place.port}"

    @property
    def url(self) -> str:
        """V10's address."""
        return f"http://{self.target}"

    @property
    def socket_port(self) -> int:
        """Where its WebSockets are served."""
        return self.place.socket_port or self.place.port

    @property
    def socket_url(self) -> str:
        """Where a WebSocket begins."""
        return f"ws://{LOOPBACK}:{self.socket_port}{SOCKET_PATH}"

    @property
    def control_url(self) -> str:
        """What the bed asks (control.py)."""
        return f"http://{LOOPBACK}:{self.place.control_port}"
