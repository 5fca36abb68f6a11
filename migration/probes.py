"""What is asked of a region from outside while traffic moves, as the cutover's file describes it: a read and a write.

Open loop: each ten times a second at fixed moments, whatever became of the ones before; so a proxy that stalls is not
asked less often for that. Latency counts from the moment at which a probe was due (migration/prober.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aurops.errors import OutsideError
from traffic.headers import KEY_HEADER, SIDE_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_PER_S = 10
"""Reads a second in each region, and as many writes."""
TIMEOUT_S = 2.0
"""A probe that was not answered so long after it was due was not answered."""
READ, WRITE = "read", "write"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Secret(_Part):
    """A value that does not stand in the file: one of both says where it is."""

    env: str = ""
    """The environment variable that holds it."""
    file: str = ""
    """The file that holds it, relative to this one; blanks around it do not count."""

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if bool(self.env) == bool(self.file):
            raise ValueError("either `env` or `file`")
        return self

    def value(self, env: Mapping[str, str], where: str) -> str:
        """It.

        Raises:
            OutsideError: It is not there.
        """
        if self.env:
            if not env.get(self.env):
                what = f"the environment variable {self.env} is not set"
                raise OutsideError(what, where=where, next_step=f"export {self.env}=…")
            return env[self.env]
        try:
            return Path(self.file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as cause:
            raise OutsideError(f"a secret's file cannot be read: {cause}", where=f"{where}: {self.file}") from cause


class Request(_Part):
    """A request that is sent again and again; in its URL and body `{n}` becomes the probe's number."""

    url: str
    """http://… or https://…, as clients come in; no password in it."""
    headers: dict[str, str | Secret] = {}
    """Its headers; what is secret is named by `env` or `file`."""

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        parts = urlsplit(url)
        plain = url.isprintable() and " " not in url
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.password
            or not plain
            or parts.port == 0
        ):
            raise ValueError("http://… or https://…, without a password, blanks or unprintable characters")
        return url

    def sent(self, env: Mapping[str, str], where: str) -> dict[str, str]:
        """Its headers with their secrets.

        Raises:
            OutsideError: One is not there.
        """
        return {
            name: each.value(env, f"{where}: headers: {name}") if isinstance(each, Secret) else each
            for name, each in self.headers.items()
        }


class Write(Request):
    """A write that changes nothing when it is executed again: each has an `idempotency-key` of its own."""

    method: Literal["POST", "PUT"] = "POST"
    """How it is sent."""
    body: str = "{}"
    """What is sent; JSON, unless a header says otherwise."""


class Probe(_Part):
    """What is asked of a region from outside, and what its clients write down."""

    read: Request
    """Asked with GET."""
    write: Write
    """An idempotent write, for an account that is there for probes alone."""
    first: int = Field(default=0, ge=0)
    """The number of the first write."""
    side_header: str = SIDE_HEADER
    """The header of an answer that names the side it came from."""
    ca: str = ""
    """A file with the authorities of the region's certificate, relative to this one; empty: the usual ones."""
    clients: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Ledgers of real clients on the runner's host, relative to this file: docs/runbooks/cutover.md."""

    def below(self, folder: Path) -> Probe:
        """The same, with its files as absolute paths.

        Args:
            folder: Where the cutover's file stands.
        """

        def at(request: Request) -> dict[str, str | Secret]:
            return {
                name: Secret(file=str((folder / each.file).absolute()))
                if isinstance(each, Secret) and each.file
                else each
                for name, each in request.headers.items()
            }

        return self.model_copy(
            update={
                "read": self.read.model_copy(update={"headers": at(self.read)}),
                "write": self.write.model_copy(update={"headers": at(self.write)}),
                "ca": str((folder / self.ca).absolute()) if self.ca else "",
                "clients": tuple(str((folder / each).absolute()) for each in self.clients),
            }
        )

    def check(self, env: Mapping[str, str], where: str) -> None:
        """See that everything it names is there.

        Raises:
            OutsideError: Something is not.
        """
        self.read.sent(env, f"{where}: read")
        self.write.sent(env, f"{where}: write")
        if self.ca and not Path(self.ca).is_file():
            raise OutsideError("there is no such file of authorities", where=f"{where}: ca: {self.ca}")


def key(run: str, region: str, number: int) -> dict[str, str]:
    """The header that makes a write of a run the same however often it is sent."""
    return {KEY_HEADER: f"{run}-{region}-{number}"}
