"""Values of resources' properties as the engine's events carry them, made readable, and no secret among them. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "(known after up)"
SECRET = "[secret]"  # noqa: S105 (stands for one)
_WHOLLY_SECRET, _WHOLLY_UNKNOWN = json.dumps(SECRET), json.dumps(UNKNOWN)
# `plugin.UnknownStringValue` and `resource.SigKey` in the engine's source.
UNKNOWN_MARK = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105 (marks a secret, is none)
_PART = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|\.?([^.\[\]]+)')
_SECRET_NAME = re.compile(
    r"(?i)(password|passwd|private_?key|access_?key|api_?key|token|secret_?string|connection_?string"
    r"|(primary|secondary|storage|shared|account)_?key|kubeconfig)$"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_\w{36}\b"
    r"|\b[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"
)
"""What is a secret by its shape: keys of AWS and GitHub, private keys, a password in a URL."""


def shown(values: Any, key: str) -> str | None:
    """The value at a property path such as `rules[0].tags["cost-center"]`, as JSON; None where there is none.

    What the engine marks as secret is `SECRET`; so is a text that nobody marked, under a name or of a shape that only
    secrets have: a program may forget to say so.
    """
    name = next((quoted or plain for quoted, _, plain in reversed(_PART.findall(key)) if quoted or plain), "")
    value = at(values, key)
    return None if value is None else json.dumps(hidden(value, name), ensure_ascii=False)


def at(values: Any, key: str) -> Any:
    """The value at a property path; None where there is none; the whole secret for a path into one."""
    for quoted, index, plain in _PART.findall(key):
        if is_secret(values):
            return values
        try:
            values = values[int(index) if index else quoted or plain]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def both_shown(old: Any, new: Any, key: str) -> tuple[str | None, str | None]:
    """The value before and after; a value that becomes a secret was none to show before, and the other way round."""
    before, after = shown(old, key), shown(new, key)
    if _WHOLLY_SECRET in (before, after):
        return before and _WHOLLY_SECRET, after and _WHOLLY_SECRET
    return before, after


def readable(value: str | None) -> str:
    """A value of a difference for people: JSON, or words where there is none to show."""
    if value is None:
        return "nothing"
    return str(json.loads(value)) if value in (_WHOLLY_SECRET, _WHOLLY_UNKNOWN) else value


def is_secret(value: Any) -> bool:
    """Whether the engine marks it as a secret."""
    return isinstance(value, dict) and SECRET_MARK in value


def hidden(value: Any, name: str = "") -> Any:
    """The value with words where the engine has marks, and for what is a secret though nobody marked it.

    Args:
        value: As the engine's events carry it.
        name: The key that it stands at.
    """
    match value:
        case dict():
            return _hidden_object(value)
        case list():
            return [hidden(each, name) for each in value]
        case str():
            return _hidden_text(value, name)
        case _:
            return value


def _hidden_text(value: str, name: str) -> str:
    if value == UNKNOWN_MARK:
        return UNKNOWN
    if names_secret(name):
        return SECRET
    if (inner := document(value)) is not None:
        told = hidden(inner)
        return value if told == inner else json.dumps(told)
    return SECRET if SECRET_VALUE.search(value) else value


def _hidden_object(value: dict[str, Any]) -> Any:
    if is_secret(value):
        return SECRET
    if {"name", "value"} <= value.keys() and names_secret(str(value["name"])):  # a variable of a container
        return {**value, "value": SECRET}
    return {key: hidden(each, key) for key, each in value.items()}


def names_secret(name: str) -> bool:
    """Whether a key of this name holds a secret."""
    return bool(_SECRET_NAME.search(name))


def document(text: object) -> Any:
    """The JSON object or list that a text is; None when it is none."""
    if not isinstance(text, str) or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def masked(text: str) -> str:
    """A text that a person reads, without what is a secret by its shape."""
    return SECRET_VALUE.sub(SECRET, _PRIVATE_KEY.sub(SECRET, text))


def differing(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths of the values that differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differing(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif old != new:
        yield path
