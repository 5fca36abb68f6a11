"""Reads the stack files; says what is wrong in one sentence with file, key and what is allowed."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from aurops.errors import UsageError
from stacks.fleet import Fleet, check
from stacks.model import GlobalConfig, RegionConfig, StackConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

MODELS: dict[str, type[StackConfig]] = {"aurops:region": RegionConfig, "aurops:global": GlobalConfig}
SECRET_KEY = re.compile(r"(?i)(password|passwd|secret(?!s|_region)|token|private_?key|access_?key|api_?key|credential)")
SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_\w{36}\b"
    r"|\b[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"
)
NOT_SECRETS = frozenset({"password_version"})
STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[a-z0-9-]+)\.yaml")


class ConfigError(UsageError):
    """A stack file is wrong; nothing was changed."""


def load(folder: Path) -> Fleet:
    """Read every stack file of a folder and check the fleet as a whole.

    Raises:
        ConfigError: A file is wrong.
        FleetError: Two files contradict each other.
    """
    files = sorted(file for file in folder.iterdir() if STACK_FILE.fullmatch(file.name))
    if not files:
        raise ConfigError(
            "there is no stack", where=str(folder), allowed="Pulumi.<stack>.yaml", next_step="aurops init"
        )
    fleet = Fleet({_stack_of(file): load_stack(file) for file in files})
    check(fleet)
    return fleet


def load_stack(file: Path) -> StackConfig:
    """Read one stack file.

    Raises:
        ConfigError: It cannot be read, is no YAML, or its values are not allowed.
    """
    name = f"stacks/{file.name}"
    try:
        document = YAML(typ="safe").load(file.read_text())
    except MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"this is not YAML: {cause.problem}", where=f"{name}{line}", allowed="valid YAML") from cause
    except (YAMLError, UnicodeDecodeError) as cause:
        raise ConfigError("this is not YAML", where=name, allowed="valid YAML in UTF-8") from cause
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise ConfigError(
            "the file has no configuration",
            where=name,
            allowed="`config:` with `aurops:region:` or `aurops:global:`",
            next_step="aurops init writes complete files",
        )
    return parse(document["config"], name)


def parse(config: Mapping[str, Any], file: str) -> StackConfig:
    """Check the `config:` part of a stack file.

    Raises:
        ConfigError: The first thing that is wrong.
    """
    for path in secrets(config, ""):
        raise ConfigError(
            "a secret stands here in plain text",
            where=f"{file}: {path}",
            allowed="secrets only as `secure:` values, or in the cloud's secret store",
            next_step="take the value out, replace it at its source, and use `pulumi config set --secret`",
        )
    present = [key for key in MODELS if key in config]
    if len(present) != 1:
        given = ", ".join(key for key in config) or "nothing"
        raise ConfigError(
            "the stack must be one region or one cloud's global part",
            where=f"{file}: config",
            allowed=f"exactly one of {', '.join(MODELS)}; found {given}",
        )
    return validate(config[present[0]], present[0], file)


def validate(value: Any, key: str, file: str) -> StackConfig:
    """Make the typed configuration from the value of `aurops:region` or `aurops:global`.

    Raises:
        ConfigError: The first thing that is wrong.
    """
    if not isinstance(value, dict):
        raise ConfigError("here a mapping is needed", where=f"{file}: {key}", allowed=fields_of(MODELS[key]))
    try:
        return MODELS[key].model_validate(value)
    except ValidationError as cause:
        raise explain(cause.errors()[0], MODELS[key], key, file) from cause


def explain(error: ErrorDetails, model: type[BaseModel], key: str, file: str) -> ConfigError:
    """One of pydantic's errors, in our words."""
    loc = [str(part) for part in error["loc"]]
    place = f"{file}: {'.'.join([key, *loc])}"
    match error["type"]:
        case "extra_forbidden":
            parent = inner_model(model, loc[:-1])
            near = get_close_matches(loc[-1], parent.model_fields if parent else (), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            allowed = fields_of(parent) if parent else None
            return ConfigError(f"{loc[-1]!r} is not a known key{hint}", where=place, allowed=allowed)
        case "missing":
            return ConfigError(f"{loc[-1]!r} is missing", where=place, allowed=allowed_at(model, loc))
        case "value_error":
            return ConfigError(error["msg"].removeprefix("Value error, "), where=place, allowed=allowed_at(model, loc))
    given = f", not {error['input']!r}" if isinstance(error["input"], str | int | float | bool) else ""
    return ConfigError(f"{_lower(error['msg'])}{given}", where=place, allowed=allowed_at(model, loc))


def allowed_at(model: type[BaseModel], loc: list[str]) -> str | None:
    """The description of the key at `loc`: the specs' attribute docstrings are written for this."""
    parent = inner_model(model, loc[:-1])
    if parent is None or not loc or loc[-1] not in (names := _by_alias(parent)):
        return None
    description = names[loc[-1]].description
    return " ".join(description.split()) if description else None


def inner_model(model: type[BaseModel], loc: list[str]) -> type[BaseModel] | None:
    """The model that the keys of `loc` lead to."""
    here: type[BaseModel] | None = model
    for part in loc:
        if here is None:
            return None
        if part in (names := _by_alias(here)):
            here = _model_in(names[part].annotation)
    return here


def _by_alias(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def fields_of(model: type[BaseModel]) -> str:
    """The keys of a model."""
    return ", ".join(_by_alias(model))


def secrets(value: Any, path: str) -> Iterator[str]:
    """Paths of what looks like a secret in plain text: by the name of the key or the shape of the value."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return
        for key, each in value.items():
            here = f"{path}.{key}".lstrip(".")
            named = SECRET_KEY.search(str(key)) and str(key) not in NOT_SECRETS
            if named and isinstance(each, str | int | float) and not isinstance(each, bool):
                yield here
            else:
                yield from secrets(each, here)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from secrets(each, f"{path}[{number}]")
    elif isinstance(value, str) and SECRET_VALUE.search(value):
        yield path


def _stack_of(file: Path) -> str:
    match = STACK_FILE.fullmatch(file.name)
    return match["stack"] if match else file.stem


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
