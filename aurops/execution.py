"""Runs a playbook under a service's lease: drills, failovers and deployments all come through here."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aurops.errors import OutsideError
from aurops.journal import Journal, JournalTakenError, RecordKind, new_run_id
from aurops.lease import DEFAULT_TTL_S, Lease
from aurops.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aurops.clock import Clock
    from aurops.lease_record import LeaseRecord
    from aurops.plan import Json, Playbook
    from aurops.runner import Listener, Result
    from aurops.store import Store

World = TypeVar("World")
_TRIES = 10


def begin(store: Store, clock: Clock, kind: str, arguments: Mapping[str, Json]) -> Journal:
    """A new run, with its goal in its first record.

    Args:
        store: Holds the run.
        clock: Time.
        kind: The goal: `failover`, `up` …; the run's id begins with it.
        arguments: Whatever the planner, a resume or a reader needs.
    """
    journal = Journal.create(store, new_run_id(kind, clock), clock)
    journal.append(RecordKind.STARTED, {"goal": kind, "arguments": dict(arguments)})
    return journal


def execute(  # noqa: PLR0913 (each a part of the run)
    playbook: Playbook[World],
    journal: Journal,
    service: str,
    *,
    store: Store,
    clock: Clock,
    listener: Listener,
    ttl_s: float = DEFAULT_TTL_S,
    reported_epochs: Iterable[int] = (),
    take_over: bool = False,
) -> Result:
    """Take the service's lease, run the journal's goal until it ends, release the lease.

    Args:
        playbook: What kind of run.
        journal: The run.
        service: Name of the lease.
        store: Where lease and journal are.
        clock: Time.
        listener: Told of every record.
        ttl_s: How long others wait when this process falls silent, seconds; calls may last two thirds of it.
        reported_epochs: Epochs that targets have seen; the new one is above them.
        take_over: A person says that the present holder cannot act any more.

    Raises:
        HeldByAnotherError: Somebody else acts on the service; it says who.
        OutsideError: The previous holder's process goes on writing its journal.
    """
    lease = Lease(store, service, clock, ttl_s)
    lease.take(journal.run, take_over=take_over, reported_epochs=tuple(reported_epochs))
    try:
        with lease.keep():
            _stop_previous(lease.previous, journal, lease.epoch, store, clock)
            return Runner(playbook, store=store, journal=journal, lease=lease, clock=clock, listener=listener).run()
    finally:
        lease.release()


def _stop_previous(previous: LeaseRecord | None, journal: Journal, epoch: int, store: Store, clock: Clock) -> None:
    """Take the next number of the previous holder's journal, so that what it still wants to append collides."""
    if previous is None or previous.run == journal.run or previous.kind.value == "release":
        return
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
