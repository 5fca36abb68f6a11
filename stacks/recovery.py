"""Finishes what a killed operation left on a stack: its lock, and what it had begun to make.

`kill -9` of an engine leaves its lock, and in the state the operations that it had begun. The engine resolves updates
and deletes by a refresh; a create it can only forget, and would then make the object a second time.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, TypeVar

from aurops.errors import OutsideError
from stacks import pending
from stacks.changes import Op
from stacks.engine import Operation
from stacks.engine_errors import StackLockedError
from stacks.locks import remove_dead_lock
from stacks.lookup.finder import CannotSayError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stacks.changes import Changes
    from stacks.engine import EngineStack, StackRun
    from stacks.lookup.finder import Finder, LostCreate


T = TypeVar("T")


class LostCreateError(OutsideError):
    """Nobody can say whether some objects exist; no object was changed."""


def _unasked() -> None:
    """The runner has asked before the call."""


def run_recovered(
    stack: EngineStack,
    operation: Operation,
    finder: Finder,
    *,
    listen: Callable[[Changes], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    before: Callable[[], None] = _unasked,
) -> StackRun:
    """Run an operation, after what an earlier one left. With nothing left it costs one export of the state.

    Args:
        stack: The stack.
        operation: What to run.
        finder: Looks for what may have been created.
        listen: Told after each event of the operation itself.
        tell: Told in words what was mended.
        before: Called when nothing is left, before the operation.

    Raises:
        StackLockedError: Somebody is at work on the stack, or was on another host.
        LostCreateError: A person must look.
        AuropsError: The operation failed.
    """

    def act() -> StackRun:
        _resolve(stack, finder, tell, _unasked)
        before()
        return stack.run(operation, listen=listen)

    return _unlocked(stack, act, tell, _unasked)


def recover(
    stack: EngineStack,
    finder: Finder,
    *,
    tell: Callable[[str], None] = lambda _: None,
    check: Callable[[], None] = _unasked,
) -> None:
    """Only mend what was left, lock included; takes the lock for a moment even if nothing was.

    Args:
        stack: The stack.
        finder: Looks for what may have been created.
        tell: Told in words what was mended.
        check: Asked before each step that changes lock or state; what it raises ends the recovery there.

    Raises:
        StackLockedError: Somebody is at work on the stack, or was on another host.
        LostCreateError: A person must look.
        OutsideError: The engine failed.
    """
    _unlocked(stack, lambda: _resolve(stack, finder, tell, check, only_if_left=False), tell, check)


def _unlocked(stack: EngineStack, act: Callable[[], T], tell: Callable[[str], None], check: Callable[[], None]) -> T:
    try:
        return act()
    except StackLockedError as locked:
        check()
        tell(remove_dead_lock(stack, locked))
    return act()


def _resolve(
    stack: EngineStack,
    finder: Finder,
    tell: Callable[[str], None],
    check: Callable[[], None],
    *,
    only_if_left: bool = True,
) -> None:
    """Resolve what the state says was begun and not finished.

    Killed in between, it starts over: a lost create stays in the state until that is replaced in one move, and what was
    put there but not read yet is recognised by its missing outputs.
    """
    state = stack.state()
    if only_if_left and not pending.is_interrupted(state):
        return
    check()
    stack.run(Operation.REFRESH, targets=pending.to_refresh(state))
    state = stack.state()
    lost = pending.lost_creates(state)
    ids = pending.answered(state) | _look_up(stack, lost, finder)
    if state.get("pending_operations"):
        check()
        stack.replace_state(state, pending.adopt(state, ids))
        state = stack.state()
    gone = _read(stack, pending.half_adopted(state), check)
    for urn in dict.fromkeys([*ids, *(each.urn for each in lost)]):
        name = urn.rsplit("::", 1)[-1]
        made = urn in ids and urn not in gone
        tell(f"{name}: adopted {ids[urn]}" if made else f"{name}: had not been created")


def _read(stack: EngineStack, adopted: Sequence[str], check: Callable[[], None]) -> frozenset[str]:
    """Let the providers read what was adopted; what they do not find leaves the state, and its URNs are returned."""
    if not adopted:
        return frozenset()
    check()
    changes = stack.run(Operation.REFRESH, targets=adopted).changes.changes
    return frozenset(change.urn for change in changes if change.op is Op.DELETE)


def _look_up(stack: EngineStack, lost: Sequence[LostCreate], finder: Finder) -> dict[str, str]:
    ids: dict[str, str] = {}
    unclear: list[tuple[LostCreate, str]] = []
    for each in lost:
        try:
            found = [id_ for id_ in finder.find(each) if id_ not in each.known]
        except CannotSayError as error:
            unclear.append((each, str(error)))
            continue
        if len(found) > 1:
            unclear.append((each, f"{len(found)} objects could be it: {', '.join(found)}"))
        elif found:
            ids[each.urn] = f"{found[0]}@{each.region}" if each.is_away else found[0]
    if unclear:
        raise _unclear(stack, unclear)
    return ids


def _unclear(stack: EngineStack, unclear: Sequence[tuple[LostCreate, str]]) -> LostCreateError:
    rows = "".join(f"\n  {each.urn} ({each.type}): {why}" for each, why in unclear)
    found = " ".join(f"--found {shlex.quote(f'{each.urn}=ID')}" for each, _ in unclear)
    command = f"aurops recover {stack.name}{' --lab' if stack.is_lab else ''}"
    return LostCreateError(
        f"the engine was killed while it created what cannot be found again:{rows}",
        where=f"stack {stack.name}",
        allowed="instead of --found URN=ID, --never-made URN for what does not exist",
        next_step=f"look for each object in the cloud, then: {command} {found}",
    )
