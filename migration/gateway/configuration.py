"""What a gateway is told in its file, by the people who know V10: addresses, certificates, and V10's ways."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, PrivateAttr, model_validator

from aurops import documents
from aurops.errors import UsageError
from traffic.site import Address, Site
from traffic.site import Kind as ProxyKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")
_NAME = re.compile(r"\{([A-Za-z_]+)\}")
"""What stands in braces in a template."""


class GrpcCode(StrEnum):
    """gRPC's codes but for OK, in the order of their numbers (https://grpc.io/docs/guides/status-codes/)."""

    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"


Status = Annotated[int, Field(ge=200, le=599)]
Pattern = Annotated[str, Field(min_length=1)]
"""A method's full name, such as ledger.v11.Blocks.GetBlock, with * for any part of it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Tls(_Part):
    """Where a certificate lies, and how it is replaced without a restart.

    The files are read again when something is *moved* into the folder, as `mv -T new current` does with a link or as
    Kubernetes does with a mounted secret: certificate and key then change at once.
    """

    folder: Path
    """Watched."""
    certificate: str = "current/tls.crt"
    """The chain, PEM, below the folder."""
    key: str = "current/tls.key"
    """Its key, PEM, below the folder."""
    authority: str = "current/ca.crt"
    """Who signs the other side's certificates, PEM, below the folder; of the edge it is not used."""
    server_name: str = ""
    """The name that V11's certificate must have; of the edge it is not used."""


class V11(_Part):
    """The new platform."""

    hosts: Annotated[tuple[Address, ...], Field(min_length=1)]
    """Its gRPC servers, host:port."""
    tls: Tls | None = None
    """mTLS to it; without it plain text, which belongs on loopback only."""
    sockets: tuple[Address, ...] = ()
    """Where it serves WebSockets, host:port."""
    socket_paths: tuple[str, ...] = ()
    """The paths that are WebSockets."""
    health: Literal["grpc", "none"] = "grpc"
    """Whether each host is asked by gRPC's health protocol (grpc.health.v1), every 0.2 s."""


class Timeouts(_Part):
    """How long a call may take; its outcome is unknown then."""

    connect_s: float = Field(default=0.25, gt=0)
    """A connection to V11 that takes longer is none, seconds."""
    call_s: float = Field(default=10.0, gt=0)
    """Each call, seconds."""
    stream_s: float = Field(default=300.0, gt=0)
    """Each server stream as a whole, seconds."""
    methods_s: dict[Pattern, Annotated[float, Field(gt=0)]] = {}
    """Other time-outs by method; the first pattern that fits counts. With an edge none of all these may be longer than
    its `timeout_s`, which counts for the whole answer."""

    def of(self, method: str, *, streams: bool) -> tuple[str, float]:
        """The key that counts for a method, and its seconds.

        Args:
            method: Its full name.
            streams: Whether it answers with a stream.
        """
        if (own_s := first_fit(self.methods_s, method)) is not None:
            return "methods_s", own_s
        return ("stream_s", self.stream_s) if streams else ("call_s", self.call_s)


class Limits(_Part):
    """Circuit breakers: what goes beyond is refused at once, as not sent."""

    connections: int = Field(default=1024, ge=1)
    """To V11, together."""
    waiting: int = Field(default=1024, ge=1)
    """Requests that wait for a connection."""
    requests: int = Field(default=10_000, ge=1)
    """Requests under way."""
    retries: int = Field(default=1024, ge=1)
    """Requests that are being sent again."""
    body_kib: int = Field(default=4096, ge=16)
    """The largest body of a request, KiB; a larger one is refused with 413 before V11 has seen anything of it."""
    answer_kib: int = Field(default=8192, ge=16)
    """The largest answer, or message of a stream, KiB. A larger one becomes a 500 although V11 has done what it
    answers: keep it far above what V11 can answer."""

    @property
    def buffer_bytes(self) -> int:
        """What a connection may hold back: the larger of both."""
        return 1024 * max(self.body_kib, self.answer_kib)


def _filled_by(template: T, *, names: Sequence[str]) -> T:
    """A template that asks for nothing but these: another name would be printed to clients as it stands."""
    for name in _NAME.findall(json.dumps(template)):
        if name not in names:
            raise ValueError(f"nothing is put in for {{{name}}}; only for {', '.join(f'{{{each}}}' for each in names)}")
    return template


class Refusal(_Part):
    """How V10 refuses in one case."""

    status: Status | None = None
    """Its HTTP status; without it the one that the gateway would give."""
    code: str | None = None
    """Its code, for the body; without it the reason that V11 gives, else the name of gRPC's code."""
    message: Annotated[str, AfterValidator(partial(_filled_by, names=("message", "method", "path")))] | None = None
    """Its words; {message}, {method} and {path} are put in, and no other name may stand in braces."""


class Refusals(_Part):
    """What Envoy refuses by itself, in V10's words."""

    unknown: Refusal = Refusal(status=404, code="NOT_FOUND", message="Cannot {method} {path}")
    """No such path or method."""
    malformed: Refusal = Refusal(status=400, code="INVALID_ARGUMENT", message="{message}")
    """A body that is no JSON, a value that does not fit its field."""
    unavailable: Refusal = Refusal(status=503, code="UNAVAILABLE", message="{message}")
    """V11 cannot be reached, or a limit is reached."""
    late: Refusal = Refusal(status=504, code="DEADLINE_EXCEEDED", message="{message}")
    """V11 took too long."""
    other: Refusal = Refusal(code="UNKNOWN", message="{message}")
    """Anything else."""


class V10(_Part):
    """How the old platform speaks, and the gateway must."""

    content_type: str = "application/json; charset=utf-8"
    """Of every answer."""
    status: dict[Pattern, Status] = {}
    """Statuses of answers other than 200, by method; the first pattern that fits counts."""
    error: Annotated[
        dict[str, JsonValue], AfterValidator(partial(_filled_by, names=("code", "status", "message", "request_id")))
    ] = {"error": {"code": "{code}", "message": "{message}"}}
    """An error's body; {code}, {status}, {message}, {request_id} are put in, and no other name may stand in braces.
    {status} alone becomes a number."""
    refusals: Refusals = Refusals()
    """What the proxy refuses by itself."""
    reasons: dict[str, Refusal] = {}
    """By V11's reason (google.rpc.ErrorInfo); goes before `codes`."""
    codes: dict[GrpcCode, Refusal] = {}
    """By gRPC's code."""


class Accepted(_Part):
    """A difference that `aurops gateway check` is to accept."""

    methods: Pattern = "*"
    """Of these methods."""
    status: Status | None = None
    """Only in answers of V10 that have this status."""
    field: str
    """Of this field of the body, such as error.message or items[].createdAtMs; `header NAME` for a header,
    `http status` for the status."""
    because: str = Field(min_length=8)
    """Why, for whoever reads the report."""


class Gateway(_Part):
    """A gateway."""

    model_config = ConfigDict(title="An aurops gateway", populate_by_name=True)

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    """The version of this format: 1."""
    protos: Annotated[tuple[Path, ...], Field(min_length=1)]
    """Folders of V11's protos, relative to this file; imports are relative to them."""
    listens: Address
    """Where the gateway itself listens, for the edge and for `check`, host:port."""
    admin: Address | None = None
    """Envoy's own interface, on loopback; only without an edge, which has its own."""
    edge: Path | None = None
    """The edge in the same Envoy: the file that describes it as a proxy (docs/traffic.md), relative to this one;
    without it the gateway stands behind another proxy."""
    edge_tls: Tls | None = None
    """The edge's certificate; TLS 1.3 only. Without it plain HTTP, which belongs on loopback only."""
    v11: V11
    """The new platform."""
    timeouts: Timeouts = Timeouts()
    """How long a call may take."""
    limits: Limits = Limits()
    """Circuit breakers."""
    v10: V10 = V10()
    """The old platform's ways."""
    openapi: Path | None = None
    """For `check`: V10's OpenAPI document, relative to this file: endpoints that V11 lacks are told."""
    examples: dict[Pattern, dict[str, JsonValue]] = {}
    """For `check`: values of a method's fields, by the field's name, where made-up ones will not do."""
    accept: tuple[Accepted, ...] = ()
    """For `check`: differences that are known and wanted."""
    _site: Site | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if (self.edge is None) == (self.admin is None):
            raise ValueError("admin is needed without an edge, and not allowed with one: it has its own")
        if self.edge_tls and self.edge is None:
            raise ValueError("edge_tls without an edge: nothing would use it")
        if self.v11.tls and not self.v11.tls.server_name:
            raise ValueError("v11.tls has no server_name: any certificate of that authority would do")
        if bool(self.v11.sockets) != bool(self.v11.socket_paths):
            raise ValueError("v11.sockets and v11.socket_paths go together")
        return self

    @property
    def site(self) -> Site | None:
        """The edge, once its file was read."""
        return self._site

    def with_edge(self, site: Site, where: str) -> Self:
        """The same with what its edge's file says.

        Args:
            site: It.
            where: The file, for errors.

        Raises:
            UsageError: It is no Envoy, or none of its sides leads to the gateway.
        """
        if site.kind is not ProxyKind.ENVOY:
            raise UsageError(f"the edge is {site.kind}", where=where, allowed="envoy; others stand before the gateway")
        if not any(self.listens in side.backends for side in site.sides):
            raise UsageError(
                f"no side of the edge leads to the gateway: {self.listens} is nobody's backend", where=where
            )
        copy = self.model_copy()
        copy._site = site  # noqa: SLF001 (its own)
        return copy


def load(file: Path) -> Gateway:
    """Read a gateway's file; its relative paths are relative to it.

    Raises:
        UsageError: What is wrong, with file and key.
    """
    gateway = documents.load(file, Gateway)
    here = file.absolute().parent
    changes: dict[str, Any] = {"protos": tuple(here / each for each in gateway.protos)}
    if gateway.edge_tls:
        changes["edge_tls"] = _below(gateway.edge_tls, here)
    if gateway.v11.tls:
        changes["v11"] = gateway.v11.model_copy(update={"tls": _below(gateway.v11.tls, here)})
    if gateway.openapi:
        changes["openapi"] = here / gateway.openapi
    if gateway.edge:
        changes["edge"] = here / gateway.edge
    for folder in changes["protos"]:
        if not folder.is_dir():
            raise UsageError("there is no such folder", where=f"{file}: protos: {folder}")
    gateway = gateway.model_copy(update=changes)
    if gateway.edge is None:
        return gateway
    return gateway.with_edge(documents.load(gateway.edge, Site), str(gateway.edge))


def read_openapi(file: Path) -> Mapping[str, object]:
    """V10's OpenAPI document.

    Raises:
        UsageError: It cannot be read, or is no mapping with `paths`.
    """
    document = documents.read(file)
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise UsageError("this is no OpenAPI document", where=str(file), allowed="a mapping with `paths`")
    return document


def _below(tls: Tls, here: Path) -> Tls:
    return tls.model_copy(update={"folder": here / tls.folder})


def first_fit(patterns: Mapping[str, T], name: str) -> T | None:
    """The value of the first pattern that fits a method's full name."""
    return next((value for pattern, value in patterns.items() if fnmatchcase(name, pattern)), None)
