"""Waivers: somebody's leave, in a file of the repository, to break a rule for a while."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from aurops.documents import load
from aurops.errors import UsageError
from stacks.review import Waiver

SCHEMA = 1
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]


class Entry(BaseModel):
    """One decision. It holds for each of its resources in each of its stacks."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rule: Name
    """Id of the rule, as in docs/policy.md."""

    stacks: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Stacks, each by its name. There is no wildcard."""

    resources: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Names of resources, as a preview says them. There is no wildcard."""

    who: Name
    """Who gave it: a person or a team that can be asked."""

    why: Reason
    """For what reason, and what protects instead."""

    until: date
    """The last day on which it counts: 2027-01-31."""


class WaiverFile(BaseModel):
    """Leave to break rules of the policy for a while: who, why, until when (docs/policy.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    schema_: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    """Version of this file."""

    waivers: tuple[Entry, ...] = ()
    """The decisions."""


def read(file: Path, today: date, longest_days: int) -> tuple[Waiver, ...]:
    """What a file allows; nothing when there is no file.

    Args:
        file: The file.
        today: Of the caller's clock.
        longest_days: How many days ahead a waiver may end at most.

    Raises:
        UsageError: The file is no YAML, a key or value is not allowed, or a waiver ends too late.
    """
    if not file.exists():
        return ()
    entries = load(file, WaiverFile).waivers
    latest = today + timedelta(days=longest_days)
    for number, entry in enumerate(entries):
        if entry.until > latest:
            raise UsageError(
                f"a waiver until {entry.until} is too long",
                where=f"{file}: waivers.{number}.until",
                allowed=f"at most {longest_days} days from today: until {latest}",
            )
    return _each(entries)


def known(file: Path) -> tuple[Waiver, ...]:
    """What another revision's file allows, however long; nothing when there is none, or it cannot be read."""
    try:
        return _each(load(file, WaiverFile).waivers) if file.exists() else ()
    except UsageError:
        return ()


def _each(entries: tuple[Entry, ...]) -> tuple[Waiver, ...]:
    """A waiver for each resource in each stack."""
    return tuple(
        Waiver(entry.rule, stack, resource, entry.who, entry.why, entry.until)
        for entry in entries
        for stack in entry.stacks
        for resource in entry.resources
    )


def schema() -> str:
    """The JSON Schema of the file, for editors."""
    made = WaiverFile.model_json_schema(by_alias=True)
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Waivers of the policy"}
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path("ci/policy/waivers.schema.json").write_text(schema())
