"""What a refresh saw of one resource: each property that differs between the state and the cloud. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stacks.values import SECRET, at, hidden, is_secret, names_secret

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from aurops.plan import Json

_KEEPS_SECRETS = "kubernetes:core/v1:Secret"
EMPTY: tuple[Any, ...] = (None, [], {}, "")
"""What a cloud does not tell apart."""
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Sides:
    """A resource as the engine holds it: what the program asks for, and what the cloud said."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True)
class Leaf:
    """A property that differs.

    Args:
        path: Its path, as the engine writes it: `rules[0].tags["cost-center"]`.
        before: Its value in the state; None when there is none. What the program asks for, where it asks.
        after: Its value in the cloud.
        is_told: Whether the engine calls it a difference; it passes over what the program leaves to others, or never
            sets.
        is_asked: Whether the program sets it.
        is_still: Whether the cloud says of it what it said at the last `up`.
    """

    path: str
    before: Json
    after: Json
    is_told: bool
    is_asked: bool
    is_still: bool

    @property
    def rule(self) -> str:
        """The path without indexes."""
        return _INDEX.sub("", self.path)


@dataclass(frozen=True)
class Seen:
    """A resource that is not in the cloud what it is in the state.

    Args:
        urn: The engine's name of it.
        type: Type token.
        is_gone: Whether the cloud has it no more.
        leaves: What differs.
    """

    urn: str
    type: str
    is_gone: bool = False
    leaves: tuple[Leaf, ...] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]


def differences(old: Sides, new: Sides, told: Collection[str]) -> tuple[Leaf, ...]:
    """Every property that differs; what the engine told and no value shows (a secret) is one too.

    Args:
        old: The state.
        new: The cloud.
        told: Paths, or top-level properties, that the engine calls different.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for side in ("inputs", "outputs"):
        for path, before, after in _walk(getattr(old, side), getattr(new, side), ""):
            if not any(related(path, known) for known in found):
                found[path] = (before, after)
    for path in told:
        if not any(related(path, known) for known in found):
            found[path] = (_either(old, path), _either(new, path))
    return tuple(
        Leaf(
            path,
            before,
            after,
            is_told=any(related(path, each) for each in told),
            is_asked=at(old.inputs, path) is not None,
            is_still=at(old.outputs, path) == at(new.outputs, path),
        )
        for path, (before, after) in sorted(found.items())
    )


def related(one: str, other: str) -> bool:
    """Whether two paths are equal, or one leads into the other."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in ("", ".", "[")


def both_shown(leaf: Leaf, type_: str) -> tuple[str | None, str | None]:
    """Both values as JSON for a reader, every secret hidden; None where there is none.

    A provider may give back in plain text what the program declared a secret: where one side holds one, the other is
    not shown either.
    """
    names = [name for name in re.split(r"[.\[\]\"]+", leaf.path) if name]
    named = any(map(names_secret, names)) and not isinstance(leaf.before or leaf.after, bool)
    kept = type_ == _KEEPS_SECRETS and names[0] in ("data", "stringData")
    if named or kept or _holds_secret(leaf.before) or _holds_secret(leaf.after):
        whole = json.dumps(SECRET)
        return None if leaf.before is None else whole, None if leaf.after is None else whole
    return _shown(leaf.before), _shown(leaf.after)


def _shown(value: Json) -> str | None:
    return None if value is None else json.dumps(hidden(value), ensure_ascii=False, sort_keys=True)


def _holds_secret(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_secret, value))
    return is_secret(value) or (isinstance(value, dict) and any(map(_holds_secret, value.values())))


def _either(sides: Sides, path: str) -> Any:
    asked = at(sides.inputs, path)
    return at(sides.outputs, path) if asked is None else asked


def _walk(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Differences, leaf by leaf; a list is a leaf unless it has the same objects before and after, place by place."""
    if old == new or (old in EMPTY and new in EMPTY):
        return
    if isinstance(old, Mapping | None) and isinstance(new, Mapping | None) and not (is_secret(old) or is_secret(new)):
        left, right = old or {}, new or {}
        for key in sorted({*left, *right}):
            if not key.startswith("__"):  # bookkeeping of bridged providers: `__defaults`, `__meta`
                yield from _walk(left.get(key), right.get(key), f"{path}{_step(key)}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list) and _is_in_step(old, new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _walk(one, other, f"{path}[{place}]")
    else:
        yield path, old, new


def _is_in_step(old: list[Any], new: list[Any]) -> bool:
    if len(old) != len(new) or not all(isinstance(each, dict) for each in (*old, *new)):
        return False
    return canonical(old) != canonical(new)  # another order alone is one difference, of the list


def canonical(items: list[Any]) -> list[str]:
    """The elements of a list, whatever their order."""
    return sorted(json.dumps(item, sort_keys=True) for item in items)


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f'["{key}"]'
