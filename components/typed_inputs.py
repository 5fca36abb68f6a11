"""Writes `hosted_inputs.py`: every spec as a TypedDict, which is what Pulumi infers a package's schema from.

A spec is a pydantic model with defaults and rules, which Pulumi's inference does not read. So the shapes are
generated, and the spec still checks the values.
"""

from __future__ import annotations

import sys
from enum import Enum
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from components.reference import NOUNS, default_of, model_in, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

FILE = Path(__file__).with_name("hosted_inputs.py")
_HEAD = '''"""The plain inputs of each component for every Pulumi language.

Written by `python -m components.typed_inputs`.
"""

# No `from __future__ import annotations`: Pulumi reads the types themselves.
# ruff: noqa: E501 (the schema takes a description as it stands, line breaks and blanks too)

from typing import NotRequired, TypedDict

'''


def text() -> str:
    """The module's source."""
    models = {model.__name__: model for noun in NOUNS for model in _with_parts(spec_of(noun))}
    choices = {(each.__module__, each.__name__) for model in models.values() for each in _choices(model)}
    modules = groupby(sorted(choices), key=itemgetter(0))
    imports = [f"from {module} import {', '.join(name for _, name in names)}\n" for module, names in modules]
    return _HEAD + "".join(imports) + "".join(_class(model) for model in models.values())


def _with_parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model after everything that it is made of."""
    for field in model.model_fields.values():
        if part := model_in(field.annotation):
            yield from _with_parts(part)
    yield model


def _choices(model: type[BaseModel]) -> Iterator[type[Enum]]:
    for field in model.model_fields.values():
        yield from _choices_in(field.annotation)


def _choices_in(annotation: Any) -> Iterator[type[Enum]]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield annotation
    parts = get_args(annotation)
    for each in parts[1:] if get_origin(annotation) is dict else parts:  # a schema's maps have text as keys
        yield from _choices_in(each)


def _class(model: type[BaseModel]) -> str:
    lines = ["", "", f"class {model.__name__}(TypedDict):", f'    """{model.__doc__}"""']
    for name, field in model.model_fields.items():
        kind = _type(field.annotation)
        lines += ["", f"    {name}: {kind if field.is_required() else f'NotRequired[{kind}]'}"]
        lines += [f'    """{_description(field)}"""']
    return "\n".join([*lines, ""])


def _description(field: FieldInfo) -> str:
    default = default_of(field)
    words = " ".join((field.description or "").split())
    return words if default in ("**required**", "none", "see below") else f"{words} Default: {default}."


def _type(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum | BaseModel):
        return annotation.__name__
    arguments = [each for each in get_args(annotation) if each not in (NoneType, Ellipsis)]
    if get_origin(annotation) is Literal:
        return type(arguments[0]).__name__  # a package's schema knows no choice among numbers; the spec checks it
    if get_origin(annotation) in (frozenset, tuple):
        return f"list[{_type(arguments[0])}]"
    if get_origin(annotation) is dict:
        return f"dict[str, {_type(arguments[1])}]"  # a schema's maps have text as keys
    return _type(arguments[0]) if arguments else str(annotation.__name__)


if __name__ == "__main__":
    sys.stdout.write(f"{FILE.name}: {FILE.write_text(text())} characters\n")
