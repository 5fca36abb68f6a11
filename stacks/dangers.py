"""What of a change is dangerous: data that is lost or moved, and data that is guarded less than before. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from components.data import GUARDS_DATA, HOUSES_DATA
from components.safeguards import weakened
from stacks.changes import Change, Op
from stacks.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stacks.changes import Difference
    from stacks.preview import StackPreview


class Kind(StrEnum):
    """What is dangerous about it, the worst first."""

    DELETED = "deleted"
    """It holds data and goes."""
    REPLACED = "replaced"
    """It holds data; a new and empty one takes its place."""
    ORPHANED = "orphaned"
    """It holds data and stays up, and nothing manages it any more: the file of its stack is gone."""
    MOVED = "moved"
    """What data stands in is replaced, has other addresses, or is looked for elsewhere."""
    WEAKENED = "guarded less"
    """A setting that guards data is weaker than before, or gone."""
    UNPROTECTED = "unprotected"
    """The engine would no longer refuse to delete it."""


ORDER = tuple(Kind)
LOSSES = (Kind.DELETED, Kind.REPLACED)


@dataclass(frozen=True)
class Reason:
    """Why.

    Args:
        key: The property's path; empty when the resource as a whole is meant.
        before: Its value as JSON; None where there was none.
        after: Likewise.
        says: What it means: `backups are kept shorter`; empty when the property says it all.
    """

    key: str
    before: str | None = None
    after: str | None = None
    says: str = ""


@dataclass(frozen=True)
class Danger:
    """One danger of one resource in one stack.

    Args:
        kind: Its kind.
        stack: The stack.
        change: What happens to the resource.
        reasons: Why, where the engine told it.
    """

    kind: Kind
    stack: str
    change: Change
    reasons: tuple[Reason, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether an `up` would refuse it, because the engine protects the resource."""
        return self.kind in LOSSES and self.change.protected


def orphaned(stack: str, urn: str, type_token: str) -> Danger:
    """Something that holds data in a stack whose file is gone."""
    return Danger(Kind.ORPHANED, stack, Change(urn, type_token, Op.SAME))


def dangers(previews: Iterable[StackPreview]) -> tuple[Danger, ...]:
    """All dangers of all stacks, the worst first, then by stack and name: the engine's order is not always the same."""
    found = [
        danger
        for each in previews
        for change in sorted(each.changes.changes, key=lambda change: change.urn)
        for danger in dangers_of(each.stack, change)
    ]
    # What is lost takes its settings along, which have its name.
    lost = {(each.stack, each.change.name) for each in found if each.kind in LOSSES}
    kept = [each for each in found if each.kind in LOSSES or (each.stack, each.change.name) not in lost]
    return in_order(kept)


def in_order(found: Iterable[Danger]) -> tuple[Danger, ...]:
    """The worst kinds first."""
    return tuple(sorted(found, key=lambda danger: ORDER.index(danger.kind)))


def dangers_of(stack: str, change: Change) -> Iterator[Danger]:
    """The dangers of one change; a loss says it all, less may be several."""
    if change.loses_data:
        kind = Kind.DELETED if change.op is Op.DELETE else Kind.REPLACED
        yield Danger(kind, stack, change, _causes(change))
        return
    if change.op is Op.REPLACE and change.type in HOUSES_DATA:
        yield Danger(Kind.MOVED, stack, change, _causes(change))
        return
    if change.op is Op.DELETE and change.type in GUARDS_DATA:
        yield Danger(Kind.WEAKENED, stack, change, (Reason("", says="the setting is deleted"),))
        return
    weaker = list(_weaker(change)) if change.op in (Op.UPDATE, Op.REPLACE) else []
    for kind in (Kind.MOVED, Kind.WEAKENED):
        if reasons := tuple(reason for of_kind, reason in weaker if of_kind is kind):
            yield Danger(kind, stack, change, reasons)
    if change.unprotected:
        yield Danger(Kind.UNPROTECTED, stack, change)


def _causes(change: Change) -> tuple[Reason, ...]:
    told = {each.key: each for each in change.differences}
    return tuple(
        Reason(key, told[key].before, told[key].after) if key in told else Reason(key) for key in change.replaces
    )


def _weaker(change: Change) -> Iterator[tuple[Kind, Reason]]:
    for difference in change.differences:
        for path, before, after in leaves(difference):
            if safeguard := weakened(change.type, path, before, after):
                kind = Kind.MOVED if safeguard.moves else Kind.WEAKENED
                yield kind, Reason(path, _json(before), _json(after), safeguard.says)


def leaves(difference: Difference) -> Iterator[tuple[str, Any, Any]]:
    """Every single value that differs: path, before, after; lists of plain values are one value."""
    yield from _leaves(difference.key, _read(difference.before), _read(difference.after))


def _leaves(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) or isinstance(after, dict):
        keys: Sequence[str] = [*_keys(before), *(key for key in _keys(after) if key not in _keys(before))]
        for key in keys:
            yield from _leaves(f"{path}.{key}", _at(before, key, after), _at(after, key, before))
    elif _nested(before) or _nested(after):
        for index in range(max(len(before or ()), len(after or ()))):
            yield from _leaves(f"{path}[{index}]", _item(before, index), _item(after, index))
    elif before != after:
        yield path, before, after


def _keys(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, dict) else ()


def _at(value: Any, key: str, _other: Any) -> Any:
    """A whole object that only the cloud will say has parts that only it will say."""
    return value.get(key) if isinstance(value, dict) else (value if value == UNKNOWN else None)


def _nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict | list) for each in value)


def _item(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and index < len(value) else None


def _read(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
