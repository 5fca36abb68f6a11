"""Records the graphs of a whole tree, and says which stacks differ between two of them.

Nothing is asked of the tree but to run its programs. Which stacks a program reads is seen when it reads them: so the
order of creation, what must be up before what, and which stacks settle are found, not told.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from aurops.errors import AuropsError
from stacks.revision.messages import Failure, StackRecord, Task
from stacks.revision.process import EndedError, Needs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from stacks.revision.process import Programs

INVENTORY = "inventory"


@dataclass(frozen=True)
class Recording:
    """The graphs of all stacks of a tree.

    Args:
        stacks: As each is once all are up and have settled.
        exports: What each exports then.
        before: By stack: those that must be up before it can be made, in the order of creation.
        settles: By stack that settles: those that must be up before it does.
        failures: The stacks whose program failed, and why.
    """

    stacks: Mapping[str, StackRecord]
    exports: Mapping[str, Any]
    before: Mapping[str, tuple[str, ...]]
    settles: Mapping[str, tuple[str, ...]]
    failures: Mapping[str, Failure] = field(default_factory=dict)

    def needed(self, stacks: Iterable[str]) -> tuple[str, ...]:
        """The stacks that must be up so that these are, and have settled where they do; in the order of creation."""
        found: set[str] = set()
        left = [stack for stack in stacks if stack in self.stacks]
        while left:
            stack = left.pop()
            if stack not in found:
                found.add(stack)
                left += [each for each in self.before[stack] if each in self.stacks]
        return tuple(stack for stack in self.before if stack in found)

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "stacks": {stack: record.document() for stack, record in self.stacks.items()},
            "exports": dict(self.exports),
            "before": {stack: list(names) for stack, names in self.before.items()},
            "settles": {stack: list(names) for stack, names in self.settles.items()},
            "failures": {stack: failure.document() for stack, failure in self.failures.items()},
        }

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Read what `document` wrote."""
        return cls(
            {stack: StackRecord.read(each) for stack, each in given["stacks"].items()},
            given["exports"],
            {stack: tuple(names) for stack, names in given["before"].items()},
            {stack: tuple(names) for stack, names in given["settles"].items()},
            {stack: Failure.read(each) for stack, each in given["failures"].items()},
        )


@dataclass
class _Creation:
    """A tree as it comes up for the first time, stack by stack."""

    programs: Programs
    made: dict[str, StackRecord] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    before: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def make(self, stack: str, path: tuple[str, ...] = (), *, within: Collection[str]) -> bool:
        """Record a stack, first those that it reads.

        Args:
            stack: Which.
            path: The stacks that wait for it: it finds them absent.
            within: Stacks that may be recorded for it.

        Returns:
            False when it waits for one outside of `within`.
        """
        while stack not in self.made and stack not in self.failures:
            known = dict(self.made)
            task = Task(stack, {name: each.exports for name, each in known.items()}, (*path, *self.failures))
            try:
                answer = self.programs.of(stack).record(task)
            except EndedError:
                raise
            except AuropsError as error:
                self.failures[stack] = Failure.of(error)
                return True
            if isinstance(answer, StackRecord):
                self.before[stack] = tuple(name for name in answer.reads if name in known)
                self.made[stack] = answer
            elif answer.stack not in within or not self.make(answer.stack, (*path, stack), within=within):
                return False
        return True


def record_all(programs: Programs) -> Recording:
    """Record every stack of a tree: as it is made, as it settles, and as it is once all are there."""
    creation = _created(programs)
    exports = {stack: each.exports for stack, each in creation.made.items()}
    settles: dict[str, tuple[str, ...]] = {}
    for stack, each in creation.made.items():
        if stack in each.reads:  # it asks itself whether it has settled
            after = _settled(programs, stack, exports)
            if after is not None:
                settles[stack] = tuple(name for name in after.reads if name != stack)
                exports[stack] = after.exports
    stacks, failures = record_again(programs, tuple(creation.made), exports)
    return Recording(stacks, exports, creation.before, settles, creation.failures | failures)


def _created(programs: Programs) -> _Creation:
    creation = _Creation(programs)
    groups: dict[str, list[str]] = {}
    for stack, cloud in programs.clouds.items():
        groups.setdefault(cloud, []).append(stack)

    def make(stacks: Sequence[str]) -> None:
        for stack in stacks:
            creation.make(stack, within=stacks)

    _side_by_side(programs, make, list(groups.values()))
    for stack in programs.clouds:  # those that read another cloud's
        creation.make(stack, within=tuple(programs.clouds))
    return creation


def _settled(programs: Programs, stack: str, exports: Mapping[str, Any]) -> StackRecord | None:
    """The stack as it settles; None when its program does not do that after all."""
    try:
        answer = programs.of(stack).record(Task(stack, exports, settle=True))
    except EndedError:
        raise
    except AuropsError:
        return None
    return None if isinstance(answer, Needs) else answer


def record_again(
    programs: Programs, stacks: Sequence[str], exports: Mapping[str, Any]
) -> tuple[dict[str, StackRecord], dict[str, Failure]]:
    """Record stacks as they are when all others are up: each by itself, and as far as they go.

    Args:
        programs: Of the tree.
        stacks: Which.
        exports: What is up exports.

    Returns:
        Records and failures, in the order of `stacks`.
    """
    found: dict[str, StackRecord | Failure] = {}
    groups: dict[str, list[str]] = {}
    for stack in stacks:
        groups.setdefault(programs.clouds[stack], []).append(stack)
    absent = tuple(stack for stack in programs.clouds if stack not in exports)

    def again(group: Sequence[str]) -> None:
        for stack in group:
            try:
                answer = programs.of(stack).record(Task(stack, exports, absent))
            except EndedError:
                raise
            except AuropsError as error:
                found[stack] = Failure.of(error)
            else:
                found[stack] = answer if isinstance(answer, StackRecord) else Failure(f"it needs {answer.stack}")

    _side_by_side(programs, again, list(groups.values()))
    records = {stack: each for stack in stacks if isinstance(each := found[stack], StackRecord)}
    return records, {stack: each for stack in stacks if isinstance(each := found[stack], Failure)}


def _side_by_side(programs: Programs, work: Callable[[Sequence[str]], None], groups: Sequence[Sequence[str]]) -> None:
    with ThreadPoolExecutor(max(1, len(groups))) as pool:
        try:
            for each in [pool.submit(work, group) for group in groups]:
                each.result()
        except BaseException:  # a signal, or a bug in one of the threads
            programs.end()
            raise


@dataclass(frozen=True)
class Comparison:
    """Which stacks a change touches.

    Args:
        touched: Those to be previewed: new, different, or not to be compared.
        left_out: Those whose graphs are equal before and after.
        removed: Those that are gone after.
        notes: What could not be compared, and why.
    """

    touched: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def compare(
    before: Recording,
    after: Mapping[str, StackRecord],
    failures: Mapping[str, Failure],
    wanted: Sequence[str],
    present: Collection[str],
    *,
    all_: bool = False,
) -> Comparison:
    """Compare two recordings.

    Args:
        before: Of the revision.
        after: The records of the work tree.
        failures: The stacks of the work tree that could not be recorded; their previews say why, if it is a fault.
        wanted: The stacks that were asked for.
        present: All stacks of the work tree.
        all_: Leave none out.
    """
    gone = [stack for stack in (*before.stacks, *before.failures) if stack not in present]
    compared = Comparison((), removed=tuple(sorted(gone)))
    for stack in wanted:
        old, new = before.stacks.get(stack), after.get(stack)
        if (failure := before.failures.get(stack)) is not None:
            note = f"{stack}: no baseline, its program fails at the revision ({_brief(failure)}); previewed as new"
        elif old is None or stack in failures:
            note = ""
        elif why := old.opaque or (new.opaque if new else ""):
            note = f"{stack}: previewed whether it differs or not: {why}"
        elif new is not None and old.digest == new.digest and not all_:
            compared = replace(compared, left_out=(*compared.left_out, stack))
            continue
        else:
            note = ""
        notes = (*compared.notes, note) if note else compared.notes
        compared = replace(compared, touched=(*compared.touched, stack), notes=notes)
    return compared


def _brief(failure: Failure) -> str:
    where = f", {failure.where}" if failure.where else ""
    return f"{failure.what.splitlines()[0]}{where}"
