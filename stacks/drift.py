"""What differs between state and cloud, why, and what mends it: every difference has one cause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aurops.clock import RealClock
from aurops.errors import AuropsError
from components.data import holds_data
from stacks import takeover
from stacks.abreast import abreast_or_raise
from stacks.changes import Changes
from stacks.drift_table import Kind
from stacks.engine import EngineStack, Operation
from stacks.model import CloudConfig
from stacks.seen import EMPTY, both_shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stacks.drift_table import Row, Table, Writer
    from stacks.fleet import Fleet
    from stacks.moves import Move, Moves
    from stacks.preview import Listen
    from stacks.seen import Leaf, Seen
    from stacks.site import Site


class Cause(StrEnum):
    """Why it differs; in the order in which a reader wants to know."""

    GONE = "gone"
    """Somebody deleted it."""
    HAND = "hand"
    """Somebody changed it past the program."""
    FAILOVER = "failover"
    """A failover moved it, as it was to."""
    NOISE = "noise"
    """Nobody changed anything."""


BY_HAND = "changed in the cloud, not by the program"


@dataclass(frozen=True)
class Mend:
    """A way on.

    Args:
        does: What it does, a clause.
        command: What to type; empty where no command of aurops does it.
    """

    does: str
    command: str = ""


@dataclass(frozen=True)
class Drifted:
    """One difference.

    Args:
        stack: The stack.
        urn: The engine's name of the resource.
        type: Its type token.
        cause: Why it differs.
        why: The same in words.
        key: Path of the property; empty when the resource is gone.
        before: Its value in the state as JSON, secrets hidden; None when there is none.
        after: Likewise in the cloud.
        mend: What can be done, the usual first; empty when nothing is to be done.
        keep: To keep what the cloud has: file and key of each setting that decides it.
    """

    stack: str
    urn: str
    type: str
    cause: Cause
    why: str
    key: str = ""
    before: str | None = None
    after: str | None = None
    mend: tuple[Mend, ...] = ()
    keep: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class StackDrift:
    """What drifted of one stack.

    Args:
        stack: Its name.
        drifted: Every difference.
        passed_over: How many differences more the cloud shows in what the program leaves open or to others.
        seconds: How long it took to look.
        error: Why it could not be looked at; None when it could.
    """

    stack: str
    drifted: tuple[Drifted, ...] = ()
    passed_over: int = 0
    seconds: float = 0.0
    error: AuropsError | None = None

    def by(self, cause: Cause) -> tuple[Drifted, ...]:
        """Those of one cause."""
        return tuple(each for each in self.drifted if each.cause is cause)


@dataclass(frozen=True)
class Grounds:
    """What a difference is judged by.

    Args:
        fleet: The fleet.
        table: What a property's difference means.
        moves: The failovers that the store knows.
    """

    fleet: Fleet
    table: Table
    moves: Moves


def look(
    site: Site, stacks: Sequence[str], grounds: Grounds, *, listen: Listen = lambda *_: None
) -> tuple[StackDrift, ...]:
    """Compare stacks with the cloud, side by side; writes nothing anywhere.

    Threads of this process: a comparison runs no program, so it imports no cloud's SDK, and nine tenths of its CPU time
    are the engines': a process for each cloud, as for previews, would have nothing to do.

    Args:
        site: Where the engine works.
        stacks: Which stacks; each is up.
        grounds: What differences are judged by.
        listen: Told a stack's changes so far after each event, from other threads.

    Returns:
        One for each stack, also for those that failed.
    """
    return tuple(abreast_or_raise(stacks, lambda stack: _one(site, stack, grounds, listen)).values())


def _one(site: Site, stack: str, grounds: Grounds, listen: Listen) -> StackDrift:
    clock, seen = RealClock(), Changes()
    began_s = clock.now_s()

    def hear(changes: Changes) -> None:
        nonlocal seen
        seen = changes
        listen(stack, changes)

    try:
        seen = EngineStack(site, stack, make=False).run(Operation.DRIFT, listen=hear).changes
    except AuropsError as error:
        return StackDrift(stack, seconds=clock.now_s() - began_s, error=error)
    drifted, passed_over = judge(stack, seen.seen, grounds)
    return StackDrift(stack, drifted, passed_over, clock.now_s() - began_s)


def judge(stack: str, seen: Sequence[Seen], grounds: Grounds) -> tuple[tuple[Drifted, ...], int]:
    """Every difference of a stack with its cause, and how many are passed over. Pure."""
    found: list[Drifted] = []
    passed_over = 0
    for resource in seen:
        if resource.is_gone:
            found.append(_gone(stack, resource))
        for leaf in resource.leaves:
            verdict = _Case(stack, resource, leaf, grounds).verdict()
            if leaf.is_told or verdict.cause is not Cause.NOISE:
                found.append(verdict)
            else:
                passed_over += 1
    return tuple(sorted(found, key=lambda each: (list(Cause).index(each.cause), each.name, each.key))), passed_over


def _gone(stack: str, resource: Seen) -> Drifted:
    up = f"aurops up {stack} --refresh"
    if holds_data(resource.type):
        mend = Mend("makes an empty one: what was in it is gone until it is restored from a backup", up)
    else:
        mend = Mend("makes it again", up)
    return Drifted(stack, resource.urn, resource.type, Cause.GONE, "the cloud has it no more", mend=(mend,))


@dataclass(frozen=True)
class _Case:
    """One difference, and all that decides on it."""

    stack: str
    resource: Seen
    leaf: Leaf
    grounds: Grounds

    def verdict(self) -> Drifted:
        """Its cause."""
        row = self.grounds.table.row_for(self.resource.type, self.leaf)
        match row.kind if row else None:
            case None:
                if self.leaf.is_told:
                    return self._by_hand(BY_HAND)
                return self._drifted(Cause.NOISE, "the program does not set it")
            case Kind.ROLE if row and self._has_moved(row):
                return self._by_failover(row.reason)
            case Kind.STEERING if row:
                return self._by_failover(row.reason) if self._is_away() else self._by_hand(self._unexplained(row))
            case Kind.CAPACITY if row and self._is_away():
                return self._by_failover(row.reason)
        return self._drifted(Cause.NOISE, row.reason if row else "")

    def _unexplained(self, row: Row) -> str:
        unread = self.grounds.moves.unread
        return f"{row.reason}; {f'the store cannot be read: {unread}' if unread else 'no run in the store explains it'}"

    def _by_hand(self, why: str) -> Drifted:
        up, leaf = f"aurops up {self.stack} --refresh", self.leaf
        if leaf.is_told:
            keep = takeover.keys(self.stack, self.resource.urn, self.resource.type, leaf.path)
            return self._drifted(Cause.HAND, why, (Mend("takes it back", up),), keep)
        left = Mend("the program leaves it to failovers and canaries: set it back where it was changed")
        return self._drifted(Cause.HAND, why, (left, Mend("keeps it, and takes note of it in the state", up)))

    def _by_failover(self, why: str) -> Drifted:
        move = self._move()
        note = Mend("takes note of it in the state, and moves nothing", f"aurops up {self.stack} --refresh")
        home = Mend("goes home, when you like", "aurops failback")
        if move is None:
            unread = self.grounds.moves.unread
            said = f"the store cannot be read: {unread}" if unread else "no run in the store says who did that"
            return self._drifted(Cause.FAILOVER, f"{why}; {said}", (Mend("lists runs", "aurops runs list"), home))
        if move.is_open:
            resume = Mend("finishes it", f"aurops runs resume {move.run}")
            return self._drifted(Cause.FAILOVER, f"{why}; run {move.run} has not ended", (resume,))
        back = move.to in self._homes()
        return self._drifted(Cause.FAILOVER, f"{why}; run {move.run}, to {move.to}", (note,) if back else (home, note))

    def _drifted(self, cause: Cause, why: str, mend: tuple[Mend, ...] = (), keep: tuple[str, ...] = ()) -> Drifted:
        type_, key = self.resource.type, self.leaf.path
        before, after = both_shown(self.leaf, type_)
        return Drifted(self.stack, self.resource.urn, type_, cause, why, key, before, after, mend, keep)

    def _move(self) -> Move | None:
        return self.grounds.moves.latest(self.stack, set(self._regions()))

    def _is_away(self) -> bool:
        """Whether the store knows of a failover that began, and has not led home."""
        move = self._move()
        return move is not None and (move.is_open or move.to not in self._homes())

    def _regions(self) -> Iterator[str]:
        """The regions that the stack is about: its cloud's; for the edge every cloud's."""
        mine = self.grounds.fleet.stacks[self.stack]
        for each in self.grounds.fleet.regions().values():
            if not isinstance(mine, CloudConfig) or each.cloud == mine.cloud:
                yield each.region

    def _homes(self) -> frozenset[str]:
        return frozenset(each.home for each in self.grounds.fleet.regions().values())

    def _has_moved(self, row: Row) -> bool:
        """Whether a role is another; one that the state does not know yet is held against the fleet as it was born."""
        before, after = self.leaf.before, self.leaf.after
        if row.writer is not None and isinstance(after, list):
            return self._writer_has_moved(row.writer, before, after)
        if row.born is None or before not in EMPTY:
            return True
        return after != (row.born.home if self.grounds.fleet.is_home(self.stack) else row.born.other)

    def _writer_has_moved(self, writer: Writer, before: Any, after: list[Any]) -> bool:
        new = _writer_of(writer, after)
        if before in EMPTY:
            return self.grounds.fleet.stacks[self.grounds.fleet.home_of(self.stack)].region not in new
        gone = {_member(writer, each) for each in before} - {_member(writer, each) for each in after}
        return bool(gone) or _writer_of(writer, before) != new


def _writer_of(writer: Writer, members: Any) -> str:
    return next((_member(writer, each) for each in members if each.get(writer.flag)), "")


def _member(writer: Writer, each: Any) -> str:
    return str(each.get(writer.member))
