"""Failover and re-protection on a target: the playbook of a run, under the service's lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aurops import execution
from aurops.errors import UsageError
from aurops.history import History
from aurops.lease import Lease
from failover.planner import FailoverGoal
from failover.playbook import FailoverPlaybook, ReprotectPlaybook

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.journal import Journal
    from aurops.plan import Json
    from aurops.runner import Listener, Result
    from aurops.store import Store
    from failover.model import Target

_PLAYBOOKS = {"failover": FailoverPlaybook, "reprotect": ReprotectPlaybook}


def begin(
    store: Store, clock: Clock, kind: str, goal: FailoverGoal, about: dict[str, Json], *, run: str | None = None
) -> Journal:
    """A new run of this kind (`failover`, `reprotect`), with its goal in its first record.

    Args:
        store: Holds the run.
        clock: Time.
        kind: Which playbook.
        goal: What for.
        about: What else a resume or a reader needs: the bed, the evidence.
        run: Its id; None: a new one.
    """
    arguments: dict[str, Json] = {"regions": list(goal.regions), "lost": goal.lost, "to": goal.to, **about}
    return execution.begin(store, clock, kind, arguments, run=run)


def execute(
    journal: Journal,
    target: Target,
    *,
    store: Store,
    clock: Clock,
    listener: Listener,
    take_over: bool = False,
    leap: int = 0,
) -> Result:
    """Take the service's lease, run the journal's goal until it ends, release the lease.

    Args:
        journal: The run.
        target: What it acts on.
        store: Holds run and lease.
        clock: Time.
        listener: Told of every record.
        take_over: A person says that the present holder cannot act any more.
        leap: How far, beyond the next one, the epoch must be above every known one (`failover.break_glass`).

    Raises:
        UsageError: The run is of a kind that cannot be executed here, or has ended.
        HeldByAnotherError: Somebody else acts on the service; it says who.
        LeaseLostError: Somebody else took over while this run acted.
        OutsideError: The previous holder's process goes on writing its journal.
    """
    playbook = _playbook(journal, target)
    reported = (target.observe().highest_epoch() + leap, History(journal.records).epoch + leap)
    lease = Lease(store, service_of(journal), clock)
    return execution.drive(
        playbook,
        journal,
        lease,
        store=store,
        clock=clock,
        listener=listener,
        take_over=take_over,
        reported_epochs=reported,
    )


def service_of(journal: Journal) -> str:
    """Whose lease a run acts under: its bed's service, or the run itself when only its children touch the service."""
    history = History(journal.records)
    return f"ledger-{history.arguments.get('bed')}" if history.kind in _PLAYBOOKS else journal.run


def _playbook(journal: Journal, target: Target) -> FailoverPlaybook:
    history = History(journal.records)
    kind, arguments = history.kind, history.arguments
    if kind not in _PLAYBOOKS:
        raise UsageError(
            f"a run of the kind `{kind}` cannot be resumed",
            where=f"run {journal.run}",
            allowed=", ".join(_PLAYBOOKS),
            next_step="aurops runs list",
        )
    if history.finished:
        raise UsageError(f"the run has ended: {history.finished}", where=f"run {journal.run}")
    regions = tuple(cast("list[str]", arguments["regions"]))
    wanted = arguments.get("to")
    goal = FailoverGoal(regions, str(arguments["lost"]), None if wanted is None else str(wanted))
    return _PLAYBOOKS[kind](target, goal)
