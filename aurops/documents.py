"""Reads files that people write, and says what is wrong with one: file, key, what is allowed. YAML, JSON included."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)


def read(file: Path, name: str = "") -> Any:
    """The document in a file.

    Args:
        file: The file.
        name: How errors call it; empty: by its path.

    Raises:
        UsageError: It cannot be read, or is no YAML.
    """
    name = name or str(file)
    try:
        return YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"this is not YAML: {cause.problem}", where=f"{name}{line}", allowed="valid YAML") from cause
    except (YAMLError, UnicodeDecodeError) as cause:
        raise UsageError("this is not YAML", where=name, allowed="valid YAML in UTF-8") from cause
    except OSError as cause:
        step = f"check the path; it is looked for from {Path.cwd()}" if not file.is_absolute() else None
        raise UsageError(f"the file cannot be read: {cause.strerror}", where=name, next_step=step) from cause


def load(file: Path, model: type[Model]) -> Model:
    """What a file says, as a model.

    Raises:
        UsageError: It cannot be read, is no YAML, or its values are not allowed: the first thing that is wrong.
    """
    document = read(file)
    if not isinstance(document, dict):
        raise UsageError("here a mapping is needed", where=str(file), allowed=fields_of(model))
    try:
        return model.model_validate(document)
    except ValidationError as cause:
        raise explain(first_wrong(cause), model, "", str(file)) from cause


def first_wrong(cause: ValidationError) -> ErrorDetails:
    """What to say first: of a key that is missing, the one beside it that nobody knows, for it is that one misspelt."""
    errors = cause.errors()
    first = errors[0]
    beside = (each for each in errors if each["type"] == "extra_forbidden" and each["loc"][:-1] == first["loc"][:-1])
    return next(beside, first) if first["type"] == "missing" else first


def explain(error: ErrorDetails, model: type[BaseModel], key: str, file: str) -> UsageError:
    """One of pydantic's errors, in our words.

    Args:
        error: The error.
        model: What was to be made.
        key: The key that the model stands at; empty: the whole file.
        file: How the file is called.
    """
    loc = [str(part) for part in error["loc"]]
    keys = ".".join([key, *loc] if key else loc)
    place = f"{file}: {keys}" if keys else file
    match error["type"]:
        case "extra_forbidden":
            parent = inner_model(model, loc[:-1])
            near = get_close_matches(loc[-1], _by_alias(parent) if parent else (), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            allowed = fields_of(parent) if parent else None
            return UsageError(f"{loc[-1]!r} is not a known key{hint}", where=place, allowed=allowed)
        case "missing":
            return UsageError(f"{loc[-1]!r} is missing", where=place, allowed=allowed_at(model, loc))
        case "value_error":
            return UsageError(error["msg"].removeprefix("Value error, "), where=place, allowed=allowed_at(model, loc))
        case "model_type" | "model_attributes_type" | "dict_type":
            inner = inner_model(model, loc)
            allowed = allowed_at(model, loc) or (fields_of(inner) if inner else None)
            return UsageError(f"here a mapping is needed{_given(error)}", where=place, allowed=allowed)
    return UsageError(f"{_lower(error['msg'])}{_given(error)}", where=place, allowed=allowed_at(model, loc))


def _given(error: ErrorDetails) -> str:
    """The value that is wrong, where it is short enough to say."""
    return f", not {error['input']!r}" if isinstance(error["input"], str | int | float | bool) else ""


def allowed_at(model: type[BaseModel], loc: list[str]) -> str | None:
    """The description of the key at `loc`: the specs' attribute docstrings are written for this."""
    parent = inner_model(model, loc[:-1])
    if parent is None or not loc or loc[-1] not in (names := _by_alias(parent)):
        return None
    description = names[loc[-1]].description
    return " ".join(description.split()) if description else None


def inner_model(model: type[BaseModel], loc: list[str]) -> type[BaseModel] | None:
    """The model that the keys of `loc` lead to."""
    here: tuple[type[BaseModel], ...] = (model,)
    for part in loc:
        if not here:
            return None
        if tagged := [each for each in here if _tag_of(each) == part]:
            here = tuple(tagged)
        elif part in (names := _by_alias(here[0])):
            here = tuple(_models_in(names[part].annotation))
    return here[0] if here else None


def _tag_of(model: type[BaseModel]) -> str | None:
    """What tells this model from the others of its union: the one value that its `kind` may have."""
    kind = model.model_fields.get("kind")
    values = get_args(kind.annotation) if kind else ()
    return values[0] if len(values) == 1 else None


def _by_alias(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for each in get_args(annotation):
        yield from _models_in(each)


def fields_of(model: type[BaseModel]) -> str:
    """The keys of a model."""
    return ", ".join(_by_alias(model))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
