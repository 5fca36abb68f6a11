"""What an operation of the engine does to a stack, read from the engine's events; and which of it touches data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from components.data import holds_data
from stacks.engine_errors import is_programs, plainly
from stacks.seen import Seen, Sides, differences
from stacks.values import both_shown, differing, masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata, StepEventStateMetadata


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
    UNPROTECT = "unprotect"
    """Nothing in the cloud: the engine would no longer refuse to replace or delete it."""


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
        before: Its value as JSON, None when there is none; `values.SECRET` for both when either is one.
        after: Likewise; `values.UNKNOWN` where only the cloud will say.
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
        unprotected: Whether it is so no longer after this change.
    """

    urn: str
    type: str
    op: Op
    keys: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    protected: bool = False
    unprotected: bool = False

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def loses_data(self) -> bool:
        """A replacement or deletion of something that holds data."""
        return self.op in (Op.REPLACE, Op.DELETE) and holds_data(self.type)


@dataclass(frozen=True)
class Declared:
    """What the program says of one resource, changed or not, as the engine tells it.

    Args:
        urn: The engine's name of it.
        type: Type token.
        inputs: Its properties, with the engine's marks (`stacks.values`); a secret comes without its value.
        protect: Whether the engine refuses to replace or delete it.
        provider: The URN of the provider that makes it; empty for what no provider makes.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any]
    protect: bool = False
    provider: str = ""


@dataclass
class Changes:
    """All changes of one operation, filled event by event.

    Args:
        by_urn: Each resource's change, in the engine's order; those that stay the same are only counted.
        declared: By URN: what the program says of each resource.
        errors: What the engine reported as errors, in order.
        blames_program: Whether one of them is an exception of the program itself.
        warnings: What it warned of, each once, in order.
        done: Resources that are finished.
        exported: Paths of the stack's exports that differ, or would.
        seen: After a refresh: each resource that is not in the cloud what it is in the state, also where the engine
            passes over the difference.
    """

    by_urn: dict[str, Change] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    blames_program: bool = False
    warnings: list[str] = field(default_factory=list)
    done: int = 0
    same: int = 0
    exported: tuple[str, ...] = ()
    seen: list[Seen] = field(default_factory=list)
    declared: dict[str, Declared] = field(default_factory=dict)
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
        elif (said := event.diagnostic_event) is not None and not said.ephemeral:
            self._told(said)

    def _told(self, said: DiagnosticEvent) -> None:
        name = said.urn.rsplit("::", 1)[-1] if said.urn else ""
        line = masked(f"{name}: {plainly(said.message)}".removeprefix(": "))
        if said.severity == "error" and line not in self.errors:
            self.errors.append(line)
            self.blames_program |= is_programs(said.message)
        elif said.severity == "warning" and line not in self.warnings:
            self.warnings.append(line)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What changes, in the order of URNs: the engine's own is another one each time."""
        return tuple(change for _, change in sorted(self.by_urn.items()))

    @property
    def counts(self) -> Mapping[Op, int]:
        """How many resources of each kind of change."""
        counts = Counter(change.op for change in self.by_urn.values())
        counts[Op.SAME] = self.same
        return {op: counts[op] for op in Op if counts[op]}

    def without_inputs(self) -> Changes:
        """The same for whoever only wants to know how far it is."""
        return replace(self, declared={})

    def _begin(self, step: StepEventMetadata) -> None:
        if step.new is not None and step.op.value != "delete":
            self.declared[step.urn] = _declared(step.new)
        if step.op.value == "refresh":
            self._refreshed.add(step.urn)
        elif step.urn in self._refreshed:  # a preview after a look at the cloud: now comes what the program makes of it
            self._refreshed.remove(step.urn)
            self.same -= 1
        op = _OPS[step.op.value]
        unprotected = op in (Op.SAME, Op.UPDATE) and _loses_protection(step)
        if op is Op.SAME and unprotected:
            op = Op.UNPROTECT
        if op in (Op.SAME, Op.READ):
            self.same += op is Op.SAME
            return
        details = step.detailed_diff or {}
        keys = tuple(sorted(details)) or tuple(step.diffs or ()) or _undetailed(op, step)
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
                unprotected=unprotected,
            )

    def _drift(self, step: StepEventMetadata) -> None:
        """A refresh begins as `refresh` and ends as what the cloud made of it: same, update, delete."""
        if (seen := _seen(step)) is not None:
            self.seen.append(seen)
        if step.op.value == "update":
            self.by_urn[step.urn] = Change(step.urn, step.type, Op.DRIFT, tuple(step.diffs or ()))
        elif step.op.value == "delete":
            self.by_urn[step.urn] = Change(step.urn, step.type, Op.DELETE)


def _declared(state: StepEventStateMetadata) -> Declared:
    # The engine refers to a provider by URN and identifier.
    provider = state.provider.rpartition("::")[0] if state.provider else ""
    return Declared(state.urn, state.type, state.inputs or {}, protect=bool(state.protect), provider=provider)


def _seen(step: StepEventMetadata) -> Seen | None:
    if step.op.value == "delete":
        return Seen(step.urn, step.type, is_gone=True)
    if step.old is None or step.new is None:
        return None
    old, new = (Sides(each.inputs or {}, each.outputs or {}) for each in (step.old, step.new))
    leaves = differences(old, new, tuple(step.detailed_diff or {}) or tuple(step.diffs or ()))
    return Seen(step.urn, step.type, leaves=leaves) if leaves else None


def _undetailed(op: Op, step: StepEventMetadata) -> tuple[str, ...]:
    """The engine tells no difference of a provider's own configuration."""
    if op is not Op.UPDATE or not step.old or not step.new:
        return ()
    return tuple(differing(step.old.inputs or {}, step.new.inputs or {}))


def _difference(key: str, step: StepEventMetadata) -> Difference:
    return Difference(key, *both_shown(step.old and step.old.inputs, step.new and step.new.inputs, key))


def _loses_protection(step: StepEventMetadata) -> bool:
    """Whether a resource that stays is protected no longer; a refresh has no new state."""
    return bool(step.old and step.old.protect and step.new and not step.new.protect)
