"""The inputs of each component as Markdown, made from its spec: the second half of each page in `docs/components/`."""

from __future__ import annotations

import builtins
import sys
import typing
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

NOUNS = ("keys", "network", "nodes", "service", "database", "cache", "traffic", "archive", "workload", "edge")
HEADING = "## Inputs"


def spec_of(noun: str) -> type[BaseModel]:
    """The spec class of a noun."""
    found: type[BaseModel] = getattr(import_module(f"components.{noun}.spec"), f"{noun.capitalize()}Spec")
    return found


def inputs(noun: str) -> str:
    """A table of every input with its type, default and reason; nested parts have their path."""
    rows = [f"| `{path}` | {kind} | {default} | {why} |" for path, kind, default, why in _rows(spec_of(noun), "")]
    return "\n".join([HEADING, "", "| input | type | default | meaning and reason |", "|---|---|---|---|", *rows, ""])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        why = " ".join((field.description or "").split()).replace("|", "\\|")
        yield path, _kind(field.annotation), default_of(field), why
        if inner := model_in(field.annotation):
            mark = "[]." if get_origin(field.annotation) is tuple else "."
            yield from _rows(inner, f"{path}{mark}")


def default_of(field: FieldInfo) -> str:
    """The default of an input in words: `**required**`, `none`, `see below`, or the value between backquotes."""
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "see below"
    if value is None or value is PydanticUndefined:
        return "none"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or "[]"
    if isinstance(value, dict):
        return ", ".join(key if each is None else f"{key}: {each}" for key, each in value.items()) or "{}"
    if isinstance(value, tuple):
        return str(list(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " \\| ".join(f"`{each.value}`" for each in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    arguments = [each for each in get_args(annotation) if each not in (type(None), Ellipsis)]
    match get_origin(annotation):
        case typing.Literal:
            return " \\| ".join(f"`{each}`" for each in arguments)
        case builtins.frozenset | builtins.tuple:
            return f"list of {_kind(arguments[0])}"
        case builtins.dict:
            return f"mapping of {_kind(arguments[0])} to {_kind(arguments[1])}"
    names = {str: "text", int: "whole number", bool: "true or false", float: "number"}
    return _kind(arguments[0]) if arguments else names.get(annotation, str(annotation))


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds, alone or in a list, a mapping or a choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := model_in(each))), None)


def write(folder: Path) -> None:
    """Renew the tables of the pages in `folder`; what stands above them is written by hand and stays."""
    for noun in NOUNS:
        page = folder / f"{noun}.md"
        intro = page.read_text().partition(HEADING)[0]
        page.write_text(f"{intro}{inputs(noun)}")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
