"""Random schedules of contenders for one lease, the same for the same seed.

Each contender runs the real `Lease` and `Journal` in a greenlet and gives way around every store call, so one thread
plays every interleaving of store calls. It may be paused there for longer than the ttl or killed, its clock runs up to
4% fast or slow from an offset of its own, and its creates may land late, twice, torn, never, or without an answer.
What must hold is checked between any two steps, at the world's own true time.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from greenlet import getcurrent, greenlet

from aurops.errors import UsageError
from aurops.holder import Holder
from aurops.journal import Journal, JournalTakenError, RecordKind
from aurops.lease import HeldByAnotherError, Lease, LeaseLostError
from aurops.lease_record import parsed
from aurops.store import KeyTakenError, Store, StoreUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

TTL_S = 10.0
CALL_S = 1.0
HORIZON_S = 8 * TTL_S


class KilledError(BaseException):
    """Kill -9: nothing may catch it."""


@dataclass
class Target:
    """What the holder acts on; it refuses an older epoch than the highest it has seen."""

    highest: int = 0
    accepted: list[tuple[int, str]] = field(default_factory=list)

    def command(self, who: str, epoch: int) -> bool:
        """Whether it obeyed."""
        if epoch < self.highest:
            return False
        self.highest = epoch
        self.accepted.append((epoch, who))
        return True


class World:
    """One schedule.

    Args:
        store: The store under test.
        seed: Decides everything.
    """

    def __init__(self, store: Store, seed: int) -> None:
        self.random = random.Random(seed)
        self.store = store
        self.service = self.run = f"s{seed}"
        self.now_s = 0.0
        self.target = Target()
        self.counts: Counter[str] = Counter()
        self.winners: dict[tuple[str, int], str] = {}
        self.overruled_below = 0
        self.with_take_over = self.random.random() < 0.15
        self._in_flight: list[tuple[float, str, bytes]] = []
        self.contenders = [Contender(self, f"c{n}") for n in range(self.random.randint(2, 4))]

    def play(self) -> Counter[str]:
        """Run to the end; what happened how often.

        Raises:
            AssertionError: Something happened that must not.
        """
        while alive := [c for c in self.contenders if not c.greenlet.dead]:
            runnable = [c for c in alive if c.wake_s <= self.now_s]
            if not runnable:
                self.now_s = min(c.wake_s for c in alive)
                continue
            self.now_s += self.random.uniform(0, 0.02)
            self._land()
            chosen = self.random.choice(runnable)
            chosen.greenlet.switch()
            if chosen.killed and chosen.greenlet.dead and self.random.random() < 0.6:
                self.contenders.append(Contender(self, f"{chosen.name}'", host=chosen.host))
            self.at_most_one_holds()
        self.at_the_end()
        return self.counts

    def pause(self, true_s: float) -> None:
        """Let others go on; the present contender is back after this time at the earliest."""
        me = next(c for c in self.contenders if c.greenlet is getcurrent())
        me.wake_s = self.now_s + true_s
        me.greenlet.parent.switch()

    def create(self, key: str, data: bytes) -> None:
        """A create lands. One that a person ordered overrules from here on, whether or not its sender learns of it."""
        self.store.create(key, data)
        record = parsed(data) if key.startswith("lease/") else None
        if record and any(c.overruling and c.name == record.holder.uuid for c in self.contenders):
            self.overruled_below = max(self.overruled_below, record.epoch)

    def send_late(self, key: str, data: bytes) -> None:
        """A create that is still under way."""
        self._in_flight.append((self.now_s + self.random.uniform(0, 2 * TTL_S), key, data))

    def _land(self) -> None:
        due = [put for put in self._in_flight if put[0] <= self.now_s]
        self._in_flight = [put for put in self._in_flight if put[0] > self.now_s]
        for _, key, data in due:
            with suppress(KeyTakenError):
                self.create(key, data)
                self.counts["landed late"] += 1

    def won(self, what: str, number: int, who: str) -> None:
        """Note that a contender believes to have created a number; nobody else may believe so."""
        self.counts[what] += 1
        other = self.winners.setdefault((what, number), who)
        assert other == who, f"{what} {number} was won by {other} and by {who}"

    def at_most_one_holds(self) -> None:
        """At any true time at most one living contender may act, unless a person overruled the others."""
        holders = [c.name for c in self.contenders if c.holds() and c.lease.epoch >= self.overruled_below]
        assert len(holders) <= 1, f"{holders} hold at {self.now_s:.3f} s"

    def at_the_end(self) -> None:
        """The target and the journal tell one story."""
        epochs = [epoch for epoch, _ in self.target.accepted]
        assert epochs == sorted(epochs)
        owners: dict[int, str] = {}
        for epoch, who in self.target.accepted:
            assert owners.setdefault(epoch, who) == who, f"epoch {epoch} was used by {owners[epoch]} and by {who}"
        try:
            records = Journal.open(self.store, self.run, self.contenders[0].clock).records
        except UsageError:
            records = ()
        in_journal = [record.epoch or 0 for record in records]
        assert in_journal == sorted(in_journal), f"an older epoch wrote after a newer one: {in_journal}"
        by_number = {record.n: record for record in records}
        for what, number in self.winners:
            assert what != "appended" or number in by_number, f"record {number} was acknowledged and is gone"
        self.counts["void"] += sum(len(record.void) for record in records)


class Contender:
    """One process that wants the lease."""

    def __init__(self, world: World, name: str, host: str | None = None) -> None:
        self.world = world
        self.name = name
        self.host = host or world.random.choice(["h1", "h2"])
        self.wake_s = world.now_s + world.random.uniform(0, TTL_S / 2)
        self.clock = SkewedClock(world)
        self.killed = False
        self.overruling = False
        """Whether a person told it to take the lease from whoever holds it."""
        self.store: Store = StepStore(world, self)  # type: ignore[assignment]  # structural
        self.greenlet = greenlet(self._live)
        self.lease = self._new_lease()

    def holds(self) -> bool:
        """Whether `check` would pass now. It is not asked: that would change what it remembers."""
        lease = self.lease
        alive = not self.killed and not lease._end and lease._last is not None
        return alive and self.clock.now_s() < lease.deadline_s

    def _new_lease(self) -> Lease:
        me = Holder(uuid=self.name, host=self.host, boot_id=self.host, pid_ns="1", pid=1, start_ticks=1)
        return Lease(self.store, self.world.service, self.clock, TTL_S, me=me, is_dead=self._is_dead, kept_records=3)

    def _is_dead(self, other: Holder, me: Holder) -> bool:
        return other.host == me.host and any(c.killed for c in self.world.contenders if c.name == other.uuid)

    def _live(self) -> None:
        chance = self.world.random
        try:
            while self.world.now_s < HORIZON_S:
                self.lease = self._new_lease()
                try:
                    self._take()
                    self._act()
                    if chance.random() < 0.7:
                        self.lease.release()
                except HeldByAnotherError:
                    self.world.counts["held"] += 1
                except (LeaseLostError, JournalTakenError) as error:
                    self.world.counts[type(error).__name__] += 1
                except StoreUnreachableError:
                    self.world.counts["gave up"] += 1
                self.world.pause(chance.uniform(0, TTL_S))
        except KilledError:
            self.world.counts["killed"] += 1

    def _take(self) -> None:
        chance = self.world.random
        self.overruling = take_over = self.world.with_take_over and chance.random() < 0.1
        reported = [self.world.target.highest] if chance.random() < 0.5 else []
        wait_s = chance.choice([0.0, 0.0, 1.3 * TTL_S])
        self.lease.take(self.name, take_over=take_over, reported_epochs=reported, wait_s=wait_s)
        self.world.counts["taken over"] += take_over
        self.world.won("held number", self.lease.number, self.name)

    def _act(self) -> None:
        journal = self._journal()
        self._append(journal, RecordKind.TAKEN)
        for _ in range(self.world.random.randint(1, 6)):
            self.world.random.choice([self._command, self._command, self._renew, lambda: self._append(journal)])()
            self._pause(TTL_S / 3)

    def _journal(self) -> Journal:
        if self.store.keys(f"runs/{self.world.run}/journal"):
            return Journal.open(self.store, self.world.run, self.clock)
        return Journal.create(self.store, self.world.run, self.clock)

    def _append(self, journal: Journal, kind: RecordKind = RecordKind.NOTE) -> None:
        record = journal.append(kind, {"by": self.name}, epoch=self.lease.epoch)
        self.world.won("appended", record.n, self.name)

    def _renew(self) -> None:
        self.lease.renew()
        self.world.won("held number", self.lease.number, self.name)

    def _command(self) -> None:
        self.lease.check(CALL_S)
        self._pause(0.1)
        obeyed = self.world.target.command(self.name, self.lease.epoch)
        self.world.counts["obeyed" if obeyed else "refused"] += 1

    def _pause(self, usual_s: float) -> None:
        """Usually short; sometimes longer than anybody waits."""
        chance = self.world.random
        self.world.pause(chance.uniform(0, 3 * TTL_S) if chance.random() < 0.05 else chance.uniform(0, usual_s))


class SkewedClock:
    """A boot clock that runs up to 4% fast or slow."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rate = world.random.choice([0.96, 1.04, world.random.uniform(0.96, 1.04)])
        self._offset_s = world.random.uniform(0, 1e6)

    def now_s(self) -> float:
        """This machine's seconds since boot."""
        return self._offset_s + self._rate * self._world.now_s

    def wall(self) -> datetime:
        """A time of day that is good for nothing."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now_s())

    def sleep(self, seconds: float) -> None:
        """Let others go on for so many of this clock's seconds."""
        self._world.pause(seconds / self._rate)


class StepStore:
    """The store as one contender sees it: others act before and after each call, and answers get lost."""

    timeout_s = 2.0
    url = "schedule"

    def __init__(self, world: World, owner: Contender) -> None:
        self._world = world
        self._owner = owner

    def create(self, key: str, data: bytes) -> None:
        """A create with a fate."""
        self._owner._pause(0.05)
        fates: dict[Callable[[str, bytes], None], int] = {
            self._lands: 78,
            self._answer_lost: 5,
            self._never_lands: 4,
            self._lands_late: 4,
            self._sent_twice: 4,
            self._copy_late: 3,
            self._dies: 2,
        }
        fate = self._world.random.choices(list(fates), weights=list(fates.values()))[0]
        fate(key, data)
        self._owner._pause(0.05)

    def read(self, key: str) -> bytes | None:
        """A read that may stay without an answer."""
        self._answered_or_not(key)
        found = self._world.store.read(key)
        self._owner._pause(0.05)
        return found

    def keys(self, prefix: str) -> list[str]:
        """A list that may stay without an answer."""
        self._answered_or_not(prefix)
        found = self._world.store.keys(prefix)
        self._owner._pause(0.05)
        return found

    def folders(self, prefix: str) -> list[str]:
        """As it is."""
        return self._world.store.folders(prefix)

    def delete(self, key: str) -> None:
        """A delete between two steps."""
        self._owner._pause(0.05)
        self._world.store.delete(key)
        self._world.counts["cleaned"] += 1

    def _answered_or_not(self, key: str) -> None:
        self._owner._pause(0.05)
        if self._world.random.random() < 0.02:
            self._no_answer(key)

    def _lands(self, key: str, data: bytes) -> None:
        self._world.create(key, data)

    def _answer_lost(self, key: str, data: bytes) -> None:
        with suppress(KeyTakenError):
            self._world.create(key, data)
        self._no_answer(key)

    def _never_lands(self, key: str, _data: bytes) -> None:
        self._no_answer(key)

    def _lands_late(self, key: str, data: bytes) -> None:
        self._world.send_late(key, data)
        self._no_answer(key)

    def _copy_late(self, key: str, data: bytes) -> None:
        self._world.send_late(key, data)
        self._world.create(key, data)

    def _sent_twice(self, key: str, data: bytes) -> None:
        self._world.create(key, data)
        self._owner._pause(0.5)
        self._world.counts["sent twice"] += 1
        raise KeyTakenError("sent twice", where=key)

    def _dies(self, key: str, data: bytes) -> None:
        fate = self._world.random.choice(["torn", "whole", "late", "never"])
        with suppress(KeyTakenError):
            if fate == "late":
                self._world.send_late(key, data)
            elif fate != "never":
                self._world.create(key, data if fate == "whole" else data[: len(data) // 2])
                self._world.counts[f"died {fate}"] += 1
        self._owner.killed = True
        raise KilledError

    def _no_answer(self, key: str) -> None:
        self._world.counts["no answer"] += 1
        self._owner._pause(self.timeout_s)
        raise StoreUnreachableError("no answer", where=key, may_have_landed=True)
