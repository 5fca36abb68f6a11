"""`aurops compare`: what each cloud makes of each field of each spec, and why they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.errors import UsageError
from components import comparison
from components.place import Cloud
from components.reference import NOUNS
from runbooks.sites import AsJson  # noqa: TC001 (Typer reads it)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.comparison import Row

app = typer.Typer(name="compare", add_completion=False, rich_markup_mode=None)

Noun = Annotated[str, typer.Argument(metavar="[NOUN]", help=f"One of {', '.join(NOUNS)}; all by default.")]
Uneven = Annotated[bool, typer.Option("--uneven", help="Only fields that a cloud refuses or makes nothing of.")]


@app.command()
def compare(noun: Noun = "", *, uneven: Uneven = False, as_json: AsJson = False) -> None:
    """Say what each cloud makes of each field of each spec, and why they differ; asks nothing of anybody."""
    if noun and noun not in NOUNS:
        raise UsageError(f"there is no component {noun!r}", where="NOUN", allowed=", ".join(NOUNS))
    found = [row for row in comparison.rows(noun or None) if row.is_uneven() or not uneven]
    typer.echo(
        json.dumps([document(row) for row in found]) if as_json else "\n".join(line for r in found for line in text(r))
    )


def document(row: Row) -> dict[str, object]:
    """A row for programs."""
    makes = {cloud.value: list(told) for cloud, told in row.makes.items()}
    return {"noun": row.noun, "field": row.field, "makes": makes, "why": row.why}


def text(row: Row) -> Iterator[str]:
    """A row for people."""
    yield f"{row.noun}.{row.field}"
    for cloud in Cloud:
        if cloud in row.makes:
            yield f"  {cloud:<6} {', '.join(row.makes[cloud]) or comparison.NOTHING}"
    if row.why:
        yield f"  why    {row.why}"
