"""What the watcher beside a proxy obeys: `watch.json` in the proxy's folder, laid there by phase 1 of a cutover.

It holds no secret: a connection string or a URL that is one is named by its environment variable. Its digest is in the
run's journal, and the watcher says with each look which one it obeys: a step forward needs that it is this one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from aurops.errors import UsageError
from aurops.files import write_durably
from aurops.gates.quantity import Part, is_url
from aurops.gates.spec import StandingCheck
from traffic.folder import READABLE
from traffic.heartbeat import WATCH, digest

if TYPE_CHECKING:
    from pathlib import Path

FILE = WATCH
ROLLBACK_FILE = "rollback.json"
"""What `aurops rollback` goes by; here only whether there still is a way back is read of it."""
SILENT_S = 60.0


class Critical(Part):
    """A check by which the watcher rolls back by itself."""

    check: StandingCheck
    """What is asked, from the proxy's host."""
    for_s: Annotated[float, Field(ge=0)]
    """It must have said no at every look for so long, seconds."""
    every_s: Annotated[float, Field(gt=0)]
    """Asked so often, seconds."""


class Page(Part):
    """How a person is called; at least one way, and all that are given are taken."""

    url: str = ""
    """Gets a POST of JSON: http://… or https://…, no password in it."""
    url_env: str = ""
    """The environment variable, of the watcher on the proxy's host, that holds such a URL: for one that is a secret."""
    argv: tuple[str, ...] = ()
    """Program and arguments, without a shell, on the proxy's host; it gets the JSON on its standard input."""

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        return is_url(url) if url else url

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if not (self.url or self.url_env or self.argv):
            raise ValueError("nobody is called: give url, url_env or argv")
        return self


class Watching(Part):
    """What a proxy's watcher needs to know of the cutover."""

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    """The version of this format: 1."""
    service: str
    """Which service."""
    run: str
    """The cutover that laid it."""
    proxy: str
    """The proxy that it lies beside."""
    critical: tuple[Critical, ...] = ()
    """The critical gates."""
    page: Page | None = None
    """How a person is called; None: nobody is."""
    silent_s: Annotated[float, Field(gt=0)] = SILENT_S
    """A runner, or a critical gate, that has said nothing for so long holds the cutover, seconds."""

    def text(self) -> str:
        """As it is written."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def read(text: bytes, where: str) -> Watching:
    """What such a file says.

    Raises:
        UsageError: It says what this version does not know.
    """
    try:
        return Watching.model_validate_json(text)
    except ValidationError as cause:
        first = cause.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"this cannot be obeyed: {first['msg']}",
            where=f"{where}: {key}",
            next_step="have it laid anew by the cutover's run, with an aurops of the same version on both sides",
        ) from cause


def lay(folder: Path, made: Watching) -> str:
    """Write it into a proxy's folder, for good; the digest of what was read back.

    Raises:
        OSError: It cannot be written.
    """
    write_durably(folder / FILE, made.text(), mode=READABLE)
    return digest(folder)


def differs(folder: Path, laid: Watching) -> str:
    """Why what lies in a proxy's folder is not what was laid there; empty: it is, in whatever form."""
    file = folder / FILE
    try:
        there = read(file.read_bytes(), str(file))
    except (OSError, UsageError) as error:
        return f"{file} cannot be read: {error}"
    return "" if there == laid else f"somebody else changed {file} since this run laid it"


def over(folder: Path) -> str:
    """Why nothing goes back to the old side any more, as `rollback.json` says; empty: there is a way back.

    One that cannot be read says neither; then nobody sends traffic to a side that may take no writes.
    """
    file = folder / ROLLBACK_FILE
    try:
        why = json.loads(file.read_bytes()).get("over", "")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError) as error:
        return f"whether there is a way back cannot be read ({file}: {error})"
    return f"past the point of no return: {why}" if why else ""
