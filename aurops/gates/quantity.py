"""Who is asked for a number, as files describe it: values only. Checks judge such a number, `capacity` compares two."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Part(BaseModel):
    """What every part of such a file has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True)


def is_url(url: str) -> str:
    """The same URL, if it is one that belongs in a file.

    Raises:
        ValueError: It is none, or has a password in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("http://… or https://…")
    if parts.password:
        raise ValueError("a URL with a password does not belong in a file")
    return url


class Asked(Part):
    """Whatever is asked in one look."""

    timeout_s: float = Field(default=5.0, gt=0, le=30)
    """How long one look may take, more than 0 and up to 30 s; a look that takes longer opens nothing."""


class PrometheusQuery(Asked):
    """A query to Prometheus; as a quantity it gives exactly one series."""

    kind: Literal["prometheus"]
    """A query to Prometheus."""
    url: str
    """Of the server, without /api: http://… or https://…."""
    query: str
    """PromQL that gives a number or an instant vector; it is parsed before a run begins."""
    max_age_s: float = Field(default=120.0, gt=0)
    """How old the latest sample of each series behind the query may be, seconds."""
    fresh: tuple[str, ...] = ()
    """The selectors whose samples must not be older; empty: those in the query. For counters that may not exist yet:
    `up{job="v11"}`."""

    _url = field_validator("url")(is_url)


class SqlQuery(Asked):
    """A query to PostgreSQL in a read-only transaction; it gives one row of one column."""

    kind: Literal["sql"]
    """A query to PostgreSQL."""
    dsn_env: str
    """The environment variable that holds the connection string: no secret belongs in a file."""
    query: str
    """Gives one number, or true or false (1 or 0)."""


class _Text(Asked):
    max_age_s: float | None = Field(default=None, gt=0)
    """How long ago the number may have been measured, seconds; the text must say when, then. Without: any time."""


class CommandNumber(_Text):
    """A command of this machine that prints a number, or `{"value": 1200, "measured_at": "2026-12-01T10:00:00Z"}`."""

    kind: Literal["command"]
    """A command that is run; any exit code but 0 is no answer. It must change nothing."""
    argv: tuple[str, ...] = Field(min_length=1)
    """Program and arguments; no shell."""


class HttpNumber(_Text):
    """A URL that answers 200 with a number, or `{"value": 1200, "measured_at": "2026-12-01T10:00:00Z"}`."""

    kind: Literal["http"]
    """A URL that is asked with GET; redirects are not followed."""
    url: str
    """http://… or https://…; no password in it."""

    _url = field_validator("url")(is_url)


Quantity = Annotated[PrometheusQuery | SqlQuery | CommandNumber | HttpNumber, Field(discriminator="kind")]
"""One number, and who is asked for it."""
