"""What differs between an object and what a program now asks for, and which differences replace it (pure)."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from testbeds.lab.shapes import Kind
from testbeds.lab.tables import When
from testbeds.lab.wire import DEFAULTS, Json, Object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from testbeds.lab.shapes import Field, Shape
    from testbeds.lab.tables import TypeTable


class Outcome(StrEnum):
    """What a difference does to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One difference.

    Args:
        path: Where, with indexes.
        outcome: Added, deleted or updated.
        replaces: The cloud can make it on a new object only.
        fixed: So it is, but the provider asks the cloud to make it on the object that is there, in vain.
    """

    path: str
    outcome: Outcome
    replaces: bool
    fixed: bool = False

    @property
    def top(self) -> str:
        """The top-level property."""
        return self.path.split(".", 1)[0].split("[", 1)[0]


@dataclass(frozen=True)
class Subject:
    """An object and what is now asked of it.

    Args:
        asked: Inputs it was last deployed with.
        state: Its properties as the engine knows them, drift included when it was refreshed.
        wanted: Inputs of the program now.
        inputs: The type's inputs.
        outputs: The type's outputs.
    """

    asked: Object
    state: Object
    wanted: Object
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]


def compare(subject: Subject, table: TypeTable) -> tuple[Change, ...]:
    """Every change that the program asks for. A property that it never set, or that is write-only, is none."""
    return tuple(_compare(subject, table))


def _compare(subject: Subject, table: TypeTable) -> Iterator[Change]:
    for name in sorted({*subject.asked, *subject.wanted} - {DEFAULTS}):
        if is_write_only(name, subject.inputs):
            continue
        shape = subject.inputs[name].shape if name in subject.inputs else None
        old = _as_asked(subject.asked.get(name), subject.state.get(name), shape)
        new = subject.wanted.get(name)
        if new is None and name in subject.outputs and subject.outputs[name].required:
            continue  # optional and computed: no longer asking for a value keeps the one that is there
        yield from differences(old, new, name, name, table)


def is_write_only(name: str, fields: Mapping[str, Field]) -> bool:
    """Whether the cloud never gives an input back: `masterPasswordWo`, whose twin `…WoVersion` says when it changed."""
    return name.endswith("Wo") and f"{name}Version" in fields


def _as_asked(asked: Json, state: Json, shape: Shape | None) -> Json:
    """The state's values at what was asked for: what the cloud filled in besides is no difference."""
    if state is None or asked is None:
        return asked if state is None else None
    if isinstance(asked, dict) and isinstance(state, dict) and shape is not None and Kind.MAP not in shape.kinds:
        return {key: _as_asked(value, state.get(key), _field(shape, key)) for key, value in asked.items()}
    if isinstance(asked, list) and isinstance(state, list) and len(asked) == len(state):
        item = shape.item if shape else None
        return [_as_asked(one, other, item) for one, other in zip(asked, state, strict=True)]
    return state


def _field(shape: Shape, name: str) -> Shape | None:
    return shape.fields[name].shape if name in shape.fields else None


def differences(old: Json, new: Json, path: str, rule: str, table: TypeTable) -> Iterator[Change]:
    """Differences between two values, leaf by leaf; `rule` is the path without indexes, as the tables write it."""
    if same(old, new, unordered=rule in table.unordered):
        return
    if isinstance(old, dict | None) and isinstance(new, dict | None):
        left, right = old or {}, new or {}
        for key in sorted({*left, *right}):
            yield from differences(left.get(key), right.get(key), f"{path}{_step(key)}", f"{rule}.{key}", table)
        if not left and not right:
            yield _change(path, rule, old, new, table)
    elif isinstance(old, list) and isinstance(new, list) and rule not in table.unordered:
        for index in range(max(len(old), len(new))):
            one, other = (items[index] if index < len(items) else None for items in (old, new))
            yield from differences(one, other, f"{path}[{index}]", rule, table)
    else:
        yield _change(path, rule, old, new, table)


def _change(path: str, rule: str, old: Json, new: Json, table: TypeTable) -> Change:
    outcome = Outcome.ADD if old is None else Outcome.DELETE if new is None else Outcome.UPDATE
    when = table.replaces_when.get(rule)
    replaces = _covers(table.create_only, rule) or (when is not None and _goes(when, old, new))
    return Change(path, outcome, replaces, _covers(table.fixed, rule))


def _covers(rules: Iterable[str], path: str) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in rules)


def _goes(when: When, old: Json, new: Json) -> bool:
    """Whether a change goes in the direction that replaces."""
    if when is When.SET:
        return new not in (None, "")
    if when is When.UNSET:
        return new in (None, "", False)
    if isinstance(old, int | float) and isinstance(new, int | float):
        return new < old
    return isinstance(old, str) and isinstance(new, str) and not _contains(new, old)


def _contains(wide: str, narrow: str) -> bool:
    try:
        outer, inner = ipaddress.ip_network(wide), ipaddress.ip_network(narrow)
    except ValueError:
        return True  # no range: the check of inputs says so, a preview's unknown says nothing
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f'["{key}"]'


def same(old: Json, new: Json, *, unordered: bool = False) -> bool:
    """Whether the cloud sees no difference: order of a set, white space of a JSON document, absent or empty."""
    if old == new or (old in (None, [], {}) and new in (None, [], {})):
        return True
    if isinstance(old, list) and isinstance(new, list) and unordered:
        return sorted(_canonical(item) for item in old) == sorted(_canonical(item) for item in new)
    if isinstance(old, str) and isinstance(new, str) and old[:1] in "{[" and new[:1] in "{[":
        return _document(old) == _document(new)
    return False


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _document(text: str) -> Json:
    try:
        document: Json = json.loads(text)
    except ValueError:
        return text
    return document
