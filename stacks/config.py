"""Reads the stack files; says what is wrong in one sentence with file, key and what is allowed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aurops.documents import explain, fields_of, first_wrong, read
from aurops.errors import UsageError
from stacks.fleet import Fleet
from stacks.fleet_check import check
from stacks.model import EdgeConfig, GlobalConfig, RegionConfig, StackConfig
from stacks.site import STACK_FILE
from stacks.values import SECRET_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODELS: dict[str, type[StackConfig]] = {
    "aurops:region": RegionConfig,
    "aurops:global": GlobalConfig,
    "aurops:edge": EdgeConfig,
}
SECRET_KEY = re.compile(r"(?i)(password|passwd|secret(?!s|_region)|token|private_?key|access_?key|api_?key|credential)")
NOT_SECRETS = frozenset({"password_version"})


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
        document = read(file, name)
    except UsageError as cause:
        raise _own(cause) from cause
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise ConfigError(
            "the file has no configuration",
            where=name,
            allowed="`config:` with `aurops:region:`, `aurops:global:` or `aurops:edge:`",
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
            "the stack must be one region, one cloud's global part or the fleet's edge",
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
        raise _own(explain(first_wrong(cause), MODELS[key], key, file)) from cause


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


def _own(error: UsageError) -> ConfigError:
    return ConfigError(error.what, where=error.where, allowed=error.allowed, next_step=error.next_step)


def _stack_of(file: Path) -> str:
    match = STACK_FILE.fullmatch(file.name)
    return match["stack"] if match else file.stem
