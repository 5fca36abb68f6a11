"""Runs a playbook under a lease: drills, failovers and deployments all come through here."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, TypeVar

from aurops.errors import OutsideError
from aurops.history import History
from aurops.journal import Journal, JournalTakenError, RecordKind, exists, new_run_id, readable
from aurops.lease import LeaseLostError
from aurops.plan import StaleEpochError
from aurops.requests import RequestKind, ask
from aurops.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aurops.clock import Clock
    from aurops.lease import Lease
    from aurops.lease_record import LeaseRecord
    from aurops.plan import Json, Playbook
    from aurops.runner import Listener, Result
    from aurops.store import Store

World = TypeVar("World")
_TRIES = 10


def begin(store: Store, clock: Clock, kind: str, arguments: Mapping[str, Json], *, run: str | None = None) -> Journal:
    """A new run, with its goal in its first record.

    Args:
        store: Holds the run.
        clock: Time.
        kind: The goal: `failover`, `up` …; the run's id ends with it.
        arguments: Whatever the planner, a resume or a reader needs.
        run: Its id; None: a new one.
    """
    journal = Journal.create(store, run or new_run_id(kind, clock), clock)
    journal.append(RecordKind.STARTED, {"goal": kind, "arguments": dict(arguments)})
    return journal


def drive(  # noqa: PLR0913 (what a runner needs)
    playbook: Playbook[World],
    journal: Journal,
    lease: Lease,
    *,
    store: Store,
    clock: Clock,
    listener: Listener = lambda _: None,
    take_over: bool = False,
    reported_epochs: tuple[int, ...] = (),
    check: Callable[[], None] = lambda: None,
    again: bool = False,
) -> Result:
    """Take the lease, run the journal's goal until it ends, release the lease.

    A run that was taken before is being resumed: what asked it to pause before this is over, once the lease is ours.

    Args:
        playbook: What kind of run.
        journal: The run.
        lease: Not taken yet; calls may last two thirds of its ttl.
        store: Where requests and the halt switch are looked up.
        clock: Time.
        listener: Told of every record.
        take_over: A person says that the present holder cannot act any more.
        reported_epochs: Epochs that targets have seen; the new one is above them.
        check: Whether the run still makes sense, asked under the lease before anything is written; raises if not.
        again: It has waited at a gate and goes on by itself: who asked it to pause meanwhile is obeyed.

    Raises:
        HeldByAnotherError: Somebody else acts; it says who.
        LeaseLostError: Somebody else took over while this run acted.
        OutsideError: The previous holder's process goes on writing its journal.
    """
    lease.take(journal.run, take_over=take_over, reported_epochs=reported_epochs)
    try:
        with lease.keep():
            check()
            history, who = History(journal.records), getpass.getuser()
            if history.epoch and not again:
                above_n = history.requests_seen
                ask(store, journal.run, RequestKind.RESUME, who=who, reason="resumed", clock=clock, above_n=above_n)
            _stop_previous(lease.previous, journal, lease.epoch, store, clock)
            return Runner(playbook, store=store, journal=journal, lease=lease, clock=clock, listener=listener).run()
    except StaleEpochError as error:
        raise LeaseLostError(
            f"this process does not hold the lease: {error}",
            where=f"run {journal.run}",
            next_step="`aurops runs list` shows who acts now",
        ) from error
    finally:
        lease.release()


def newer_run(journal: Journal, store: Store, clock: Clock, service_of: Callable[[Journal], str]) -> str | None:
    """The run that called something on the same service under the highest epoch above this run's; None when none did.

    Args:
        journal: This run.
        store: Holds them all.
        clock: Time.
        service_of: Whose lease a run acts under.

    Raises:
        StoreError: The store cannot be read.
    """
    service, epoch = service_of(journal), History(journal.records).epoch

    def is_newer(other: Journal, history: History) -> bool:
        has_called = other.run != journal.run and history.epoch > epoch and bool(history.tries)
        return has_called and service_of(other) == service

    newest = last_to_take(store, clock, is_newer)
    return newest.run if newest else None


def last_to_take(store: Store, clock: Clock, is_meant: Callable[[Journal, History], bool]) -> Journal | None:
    """The run that took a lease under the highest epoch, of those that are meant; None: none of these ever did.

    Args:
        store: Holds them all.
        clock: Time.
        is_meant: Whether a run counts; asked only of those above all that were found so far.

    Raises:
        StoreError: The store cannot be read.
    """
    found, epoch = None, 0
    for journal in readable(store, clock):  # of one that cannot be read the epoch still shows at the targets
        history = History(journal.records)
        if history.epoch > epoch and is_meant(journal, history):
            found, epoch = journal, history.epoch
    return found


def _stop_previous(previous: LeaseRecord | None, journal: Journal, epoch: int, store: Store, clock: Clock) -> None:
    """Take the next number of the previous holder's journal, so that what it still wants to append collides."""
    if previous is None or previous.run == journal.run or previous.kind.value == "release":
        return
    if not exists(store, previous.run):
        return  # `aurops recover` of a fleet that was never deployed by a run: it journals nothing
    for _ in range(_TRIES):
        try:
            theirs = Journal.open(store, previous.run, clock)
            theirs.append(RecordKind.TAKEN, {"epoch": epoch, "by": journal.run}, epoch=epoch)
        except JournalTakenError:
            continue  # the old holder was quicker; it stops at the next number
        return
    raise OutsideError(
        f"run {previous.run} goes on writing",
        where=f"run {journal.run}",
        next_step=f"stop its process (pid {previous.holder.pid} on {previous.holder.host}), then resume",
    )
