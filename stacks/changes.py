"""What an operation of the engine does to a stack, read from the engine's events; and which of it touches data."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from components.data import holds_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pulumi.automation.events import EngineEvent, StepEventMetadata


UNKNOWN = "(known after up)"
# `plugin.UnknownStringValue` and `resource.SigKey` in the engine's source.
_UNKNOWN_MARK = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105 (marks a secret, is none)
_PART = re.compile(r'\["([^"]+)"\]|\[(\d+)\]|\.?([^.\[\]]+)')


class Op(StrEnum):
    """What happens to a resource, in a reader's words; the engine's steps of one replacement are one."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    SAME = "same"
    READ = "read"
    IMPORT = "import"
    DRIFT = "drift"
    """The cloud's object differs from what the engine last saw of it."""


_OPS = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "same": Op.SAME,
    "replace": Op.REPLACE,
    "create-replacement": Op.REPLACE,
    "delete-replaced": Op.REPLACE,
    "read": Op.READ,
    "read-replacement": Op.READ,
    "refresh": Op.SAME,
    "import": Op.IMPORT,
    "import-replacement": Op.REPLACE,
    "discard": Op.DELETE,
    "discard-replaced": Op.REPLACE,
    "remove-pending-replace": Op.DELETE,
}


@dataclass(frozen=True)
class Difference:
    """A property that differs.

    Args:
        key: Its path.
        before: Its value as JSON, None when there is none; the engine has already put `[secret]` for secrets.
        after: Likewise; `UNKNOWN` where only the cloud will say.
    """

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """What happens to one resource.

    Args:
        urn: The engine's name of it.
        type: Type token: `aws:rds/cluster:Cluster`.
        op: What happens.
        keys: Properties that differ, as dotted paths.
        replaces: Those of them that force the replacement.
        differences: The values of `keys`, where the engine told them.
        protected: Whether an `up` would refuse to replace or delete it.
    """

    urn: str
    type: str
    op: Op
    keys: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    protected: bool = False

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def loses_data(self) -> bool:
        """A replacement or deletion of something that holds data."""
        return self.op in (Op.REPLACE, Op.DELETE) and holds_data(self.type)


@dataclass
class Changes:
    """All changes of one operation, filled event by event.

    Args:
        by_urn: Each resource's change, in the engine's order; those that stay the same are only counted.
        errors: What the engine reported as errors, in order.
        done: Resources that are finished.
        exported: Paths of the stack's exports that differ, or would.
    """

    by_urn: dict[str, Change] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    done: int = 0
    same: int = 0
    exported: tuple[str, ...] = ()
    _refreshed: set[str] = field(default_factory=set)

    def hear(self, event: EngineEvent) -> None:
        """Take in one event."""
        if (before := event.resource_pre_event) is not None:
            self._begin(before.metadata)
        elif (after := event.res_outputs_event) is not None:
            self.done += 1
            if after.metadata.urn in self._refreshed:
                self._drift(after.metadata)
            elif after.metadata.type == "pulumi:pulumi:Stack" and after.metadata.new is not None:
                old = after.metadata.old.outputs if after.metadata.old else None
                # Told twice: when the stack is registered, with the old values, and at the end.
                self.exported = tuple(differing(old or {}, after.metadata.new.outputs or {}))
        elif (said := event.diagnostic_event) is not None and said.severity == "error" and not said.ephemeral:
            name = said.urn.rsplit("::", 1)[-1] if said.urn else ""
            # What an inline program raises comes with its traceback; that is in the engine's output too, for --debug.
            message = said.message.partition("\nTraceback (most recent call last)")[0].strip()
            self.errors.append(f"{name}: {message}".removeprefix(": "))

    @property
    def changes(self) -> tuple[Change, ...]:
        """What changes."""
        return tuple(self.by_urn.values())

    @property
    def counts(self) -> Mapping[Op, int]:
        """How many resources of each kind of change."""
        counts = Counter(change.op for change in self.by_urn.values())
        counts[Op.SAME] = self.same
        return {op: counts[op] for op in Op if counts[op]}

    def _begin(self, step: StepEventMetadata) -> None:
        if step.op.value == "refresh":
            self._refreshed.add(step.urn)
        op = _OPS[step.op.value]
        if op in (Op.SAME, Op.READ):
            self.same += op is Op.SAME
            return
        details = step.detailed_diff or {}
        keys = tuple(sorted(details)) or tuple(step.diffs or ())
        replaces = tuple(sorted(key for key, diff in details.items() if diff.diff_kind.value.endswith("-replace")))
        known = self.by_urn.get(step.urn)
        if known is None or op is Op.REPLACE:
            earlier = known or Change(step.urn, step.type, op)
            self.by_urn[step.urn] = Change(
                step.urn,
                step.type,
                op,
                keys or earlier.keys,
                replaces or tuple(step.keys or ()) or earlier.replaces,
                earlier.differences or tuple(_difference(key, step) for key in keys),
                protected=earlier.protected or bool(step.old and step.old.protect),
            )

    def _drift(self, step: StepEventMetadata) -> None:
        """A refresh begins as `refresh` and ends as what the cloud made of it: same, update, delete."""
        if step.op.value == "update":
            self.by_urn[step.urn] = Change(step.urn, step.type, Op.DRIFT, tuple(step.diffs or ()))
        elif step.op.value == "delete":
            self.by_urn[step.urn] = Change(step.urn, step.type, Op.DELETE)


def differing(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths of the values that differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differing(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif old != new:
        yield path


def _difference(key: str, step: StepEventMetadata) -> Difference:
    old, new = (step.old.inputs if step.old else None), (step.new.inputs if step.new else None)
    return Difference(key, _shown(old, key), _shown(new, key))


def _shown(values: Any, key: str) -> str | None:
    """The value at a property path such as `rules[0].tags["cost-center"]`, as JSON."""
    for quoted, index, name in _PART.findall(key):
        try:
            values = values[int(index) if index else quoted or name]
        except (KeyError, IndexError, TypeError):
            return None
    return None if values is None else json.dumps(_readable(values), ensure_ascii=False)


def _readable(value: Any) -> Any:
    """The value with words where the engine has marks."""
    if isinstance(value, dict):
        return "[secret]" if _SECRET_MARK in value else {key: _readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    return UNKNOWN if value == _UNKNOWN_MARK else value
