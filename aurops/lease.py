"""The lease of a service: at most one process acts on it, decided by creates alone.

Numbered records under `lease/<service>/`; whoever creates the next number decides what it says. Why that is safe:

- A number is created once, so take, renew and release exclude one another.
- A holder acts until `deadline_s`: its clock from *before* it first sent its last record, plus the ttl. Everybody else
  waits 1.1 ttl from *after* they saw that record, which is later. So two never act at once while their clocks run
  less than 10% apart; a holder that is provably dead, or overruled by a person, need not be waited for.
- A process may be paused between `check` and its call. Then only a target that refuses the older `epoch` helps; a new
  epoch is above all that any record or target has seen.
- A holder removes old records, so a number far below the tail can be free again. Who creates one finds the tail above
  it right after, and knows that it won nothing.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from aurops.errors import HeldError
from aurops.holder import Holder, provably_dead
from aurops.lease_record import LeaseKind, LeaseRecord, parsed, spelled
from aurops.store import StoreError, StoreUnreachableError, claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from aurops.clock import Clock
    from aurops.store import Store

DEFAULT_TTL_S = 10.0
_PATIENCE = 1.1
_KEPT_RECORDS = 50
_NOT_RENEWED = "it was not renewed in time"
_NO_ANSWER = "the store gave no answer before the deadline"
_T = TypeVar("_T")


class LeaseLostError(HeldError):
    """The lease is not ours (any more), or not for long enough: make no call."""


class LeaseExpiredError(LeaseLostError):
    """It ran out, or will before the call ends: it could not be renewed in time. Nobody is known to have taken it."""


class HeldByAnotherError(HeldError):
    """Another process holds the lease.

    Args:
        owner: Its last record.
        where: The lease.
        free_in_s: When the lease will be free if its holder stays silent, seconds from now.
    """

    def __init__(self, owner: LeaseRecord, where: str, free_in_s: float) -> None:
        self.owner = owner
        self.free_in_s = free_in_s
        who = owner.holder
        super().__init__(
            f"run {owner.run} holds this service since {owner.since} (host {who.host}, pid {who.pid})",
            where=where,
            next_step=f"wait for it or stop it; if it is silent, the lease is free in {free_in_s:.1f} s; "
            "if you know that it cannot act any more: --take-over",
        )


@dataclass(frozen=True)
class _Tail:
    number: int
    """The highest number that exists; 0: none."""
    record: LeaseRecord | None
    """The last one that can be read."""
    voids: int
    """How many above it cannot."""


class Lease:
    """One process's try to hold a service, from take to release or loss; make a new one to hold it again.

    Args:
        store: Where.
        service: A plain name.
        clock: This machine's boot clock.
        ttl_s: How long others wait for us when we are silent, seconds. Calls may last up to two thirds of it.
        me: Who we are; this process unless told.
        is_dead: Whether a holder has provably ended.
        kept_records: Above so many records the next renewal removes the old ones.
    """

    def __init__(
        self,
        store: Store,
        service: str,
        clock: Clock,
        ttl_s: float = DEFAULT_TTL_S,
        *,
        me: Holder | None = None,
        is_dead: Callable[[Holder, Holder], bool] = provably_dead,
        kept_records: int = _KEPT_RECORDS,
    ) -> None:
        self.previous: LeaseRecord | None = None
        """The record that `take` followed. A new holder first appends `taken` to that run's journal (and its own), so
        that what the old holder still wants to append collides."""
        self._store = store
        self._prefix = f"lease/{service}"
        self._clock = clock
        self._ttl_s = ttl_s
        self._me = me or Holder.this_process()
        self._is_dead = is_dead
        self._kept = kept_records
        self._seen: tuple[int, float] | None = None
        self._last: LeaseRecord | None = None
        self._number = 0
        self._count = 0
        self._deadline_s = float("-inf")
        self._end = ""
        self._state = threading.Lock()
        self._writing = threading.Lock()
        self._stopping = threading.Event()

    def acting(self, run: str | None = None) -> LeaseRecord | None:
        """The last record of the process that acts for `run` (None: for any run).

        None when it let the lease go, provably ended, or has been silent for so long that this object could take it.
        """
        tail = self._tail()
        owner = tail.record
        return owner if owner and run in (None, owner.run) and self._free_in_s(tail) > 0 else None

    @property
    def epoch(self) -> int:
        """The fencing number that every call carries; 0 before `take`."""
        return self._last.epoch if self._last else 0

    @property
    def number(self) -> int:
        """The number of our last record; 0 before `take`."""
        return self._number

    @property
    def deadline_s(self) -> float:
        """When we must have stopped, on our clock; it moves with each renewal."""
        return self._deadline_s

    def take(
        self, run: str, *, take_over: bool = False, reported_epochs: Iterable[int] = (), wait_s: float = 0.0
    ) -> None:
        """Take the lease.

        Args:
            run: The run that will act.
            take_over: A person says that the present holder cannot act any more.
            reported_epochs: The highest epoch of each target that knows one.
            wait_s: How long to wait for a lease that is held; 1.2 ttl outlasts a silent holder.

        Raises:
            HeldByAnotherError: It is held.
            StoreUnreachableError: The store gave no answer for a ttl.
            LeaseLostError: This object held it before.
        """
        if self._end or self._last:
            raise self._ended(self._end or "it was taken before; each take needs a new Lease")
        floor = max(reported_epochs, default=0)
        give_up_s = self._clock.now_s() + wait_s
        while True:
            tail = self._tail()
            try:
                self._refuse_unless_free(tail, take_over=take_over)
            except HeldByAnotherError:
                if self._clock.now_s() >= give_up_s:
                    raise
                self._clock.sleep(self._ttl_s / 10)
                continue
            # A void number may have been meant as a take: skip its epoch too.
            known = (tail.record.epoch if tail.record else 0) + tail.voids
            record = LeaseRecord(
                kind=LeaseKind.TAKE,
                epoch=max(known, floor) + 1,
                holder=self._me,
                nonce=uuid4().hex,
                ttl_s=self._ttl_s,
                run=run,
                since=self._clock.wall().isoformat(timespec="seconds"),
            )
            found = self._claim(tail.number + 1, record)
            if found == record:
                self.previous = tail.record
                return
            # Whoever was quicker is not the holder that the person spoke of.
            take_over = take_over and found is None

    def renew(self) -> None:
        """Hold the lease for another ttl.

        Raises:
            LeaseLostError: It is another's, or the deadline has passed.
            StoreError: The store refused; the lease still lasts until its deadline.
        """
        with self._writing:
            self._require_left_s()
            kind = LeaseKind.FLOOR if self._count > self._kept else LeaseKind.RENEW
            number = self._number
            while True:
                number += 1
                record = self._again(kind)
                found = self._claim(number, record)
                if found == record:
                    break
                # Pass over a void number (rule 7), and over a record of ours whose create was refused and landed.
                if found and found.holder != self._me:
                    who = found.holder
                    raise self._lose(f"run {found.run} (host {who.host}, pid {who.pid}) took it")
            if kind is LeaseKind.FLOOR:
                self._clean()

    def release(self) -> None:
        """Let the next one have it at once. Without an answer from the store they wait for the ttl instead."""
        with self._writing:
            try:
                self._require_left_s()
            except LeaseLostError:
                return
            self._lose("it was released")  # before sending: the next holder may act as soon as it landed
            record = self._again(LeaseKind.RELEASE)
            may_retry = self._before(self._deadline_s)
            number, found = self._number, None
            with suppress(StoreError):
                while found is None or (found.holder == self._me and found != record):
                    number += 1
                    found = parsed(claim(self._store, self._key(number), spelled(record), may_retry=may_retry))

    def check(self, call_timeout_s: float) -> None:
        """Ask before every call that acts; returns when the lease outlives the call.

        Args:
            call_timeout_s: The longest that the call can last, seconds.

        Raises:
            LeaseLostError: It does not. Once the deadline has passed, for ever.
        """
        left_s = self._require_left_s()
        if call_timeout_s >= left_s:
            raise LeaseExpiredError(
                f"the lease lasts {left_s:.2f} s more, the call may last {call_timeout_s:.2f} s",
                where=self._prefix,
                next_step="is the store slow? `aurops runs resume` goes on from here",
            )

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Renew every ttl/3 in a thread until the block ends; `check` tells when that failed."""
        self._stopping.clear()
        thread = threading.Thread(target=self._keep_renewing, name=f"renew {self._prefix}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _keep_renewing(self) -> None:
        pause_s = self._ttl_s / 3
        while not self._stopping.wait(pause_s):
            try:
                self.renew()
                pause_s = self._ttl_s / 3
            except LeaseLostError:
                return
            except StoreError:
                pause_s = self._ttl_s / 10  # full, read-only, denied: may pass before the deadline does

    def _require_left_s(self) -> float:
        with self._state:
            left_s = self._deadline_s - self._clock.now_s()
            if not self._last:
                raise self._ended(self._end or "it was never taken")
            if left_s <= 0:
                self._end = self._end or _NOT_RENEWED
            if self._end:
                raise self._ended(self._end)
            return left_s

    def _lose(self, why: str) -> LeaseLostError:
        with self._state:
            self._end = self._end or why
            return self._ended(self._end)

    def _ended(self, why: str) -> LeaseLostError:
        kind = LeaseExpiredError if why in (_NOT_RENEWED, _NO_ANSWER) else LeaseLostError
        return kind(
            f"this process does not hold the lease: {why}",
            where=f"{self._store.url}: {self._prefix}",
            next_step="`aurops runs list` shows who acts now; `aurops runs resume` takes up what is left",
        )

    def _again(self, kind: LeaseKind) -> LeaseRecord:
        if self._last is None:
            raise self._ended("it was never taken")
        return self._last.model_copy(update={"kind": kind, "nonce": uuid4().hex})

    def _claim(self, number: int, record: LeaseRecord) -> LeaseRecord | None:
        """Rules 4, 5 and 8: try for a number; what it says now, None when that is void."""
        sent_s = self._clock.now_s()
        until_s = self._deadline_s if self._last else sent_s + self._ttl_s
        try:
            found = claim(self._store, self._key(number), spelled(record), may_retry=self._before(until_s))
            if found != spelled(record):
                return parsed(found)
            numbers = self._persist(self._numbers, until_s)
        except StoreUnreachableError as error:
            lost = self._lose(_NO_ANSWER)
            raise (lost if self._last else error) from error
        if max(numbers, default=0) > number:
            raise self._lose("a later record exists")
        with self._state:
            if self._end:
                raise self._ended(self._end)
            self._last, self._number, self._count = record, number, len(numbers)
            self._deadline_s = sent_s + self._ttl_s
        return record

    def _clean(self) -> None:
        """Rule 8: remove what lies below our floor, as far as a third of the ttl allows; the rest next time."""
        stop_s = self._clock.now_s() + self._ttl_s / 3
        with suppress(StoreError):
            for number in self._numbers():
                if number >= self._number or self._clock.now_s() >= stop_s:
                    return
                self._store.delete(self._key(number))

    def _refuse_unless_free(self, tail: _Tail, *, take_over: bool) -> None:
        """Rule 3."""
        free_in_s = self._free_in_s(tail)
        if tail.record and free_in_s > 0 and not take_over:
            raise HeldByAnotherError(tail.record, f"{self._store.url}: {self._prefix}", free_in_s)

    def _free_in_s(self, tail: _Tail) -> float:
        """Seconds from now until the lease may be taken if its owner stays silent; 0 or less: now."""
        now_s = self._clock.now_s()  # after the tail was read: it was there by now
        if self._seen is None or self._seen[0] != tail.number:
            self._seen = tail.number, now_s
        owner = tail.record
        if owner is None or owner.kind is LeaseKind.RELEASE or self._is_dead(owner.holder, self._me):
            return 0.0
        return self._seen[1] + _PATIENCE * owner.ttl_s - now_s

    def _tail(self) -> _Tail:
        """Rules 1 and 7: the highest number, and the last record that can be read."""
        while True:
            numbers = self._numbers() or [0]
            while self._store.read(self._key(numbers[-1] + 1)) is not None:
                numbers.append(numbers[-1] + 1)
            for voids, number in enumerate(reversed(numbers)):
                if number == 0:
                    return _Tail(numbers[-1], None, voids)
                data = self._store.read(self._key(number))
                if data is None:
                    break  # removed since we listed: a newer tail exists
                if record := parsed(data):
                    return _Tail(numbers[-1], record, voids)
            else:
                return _Tail(numbers[-1], None, len(numbers))

    def _numbers(self) -> list[int]:
        return [int(name) for key in self._store.keys(self._prefix) if (name := key.rsplit("/", 1)[-1]).isdecimal()]

    def _key(self, number: int) -> str:
        return f"{self._prefix}/{number:012}"

    def _before(self, until_s: float) -> Callable[[], bool]:
        """Whether another try makes sense; waits a little when it does."""

        def may_retry() -> bool:
            if self._stopping.is_set() or self._clock.now_s() >= until_s:
                return False
            self._clock.sleep(self._ttl_s / 50)
            return True

        return may_retry

    def _persist(self, call: Callable[[], _T], until_s: float) -> _T:
        may_retry = self._before(until_s)
        while True:
            try:
                return call()
            except StoreUnreachableError:
                if not may_retry():
                    raise
