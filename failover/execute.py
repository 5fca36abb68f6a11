"""Failover and re-protection on a target: the playbook of a run, under the service's lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aurops import execution
from aurops.errors import UsageError
from aurops.history import History
from failover.planner import FailoverGoal
from failover.playbook import FailoverPlaybook, ReprotectPlaybook

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.journal import Journal
    from aurops.plan import Json
    from aurops.runner import Listener, Result
    from aurops.store import Store
    from failover.model import Target

SERVICE = "ledger"
"""The one service of the local bed."""
_PLAYBOOKS = {"failover": FailoverPlaybook, "reprotect": ReprotectPlaybook}


def begin(store: Store, clock: Clock, kind: str, goal: FailoverGoal, about: dict[str, str]) -> Journal:
    """A new run of this kind (`failover`, `reprotect`), with its goal in its first record.

    Args:
        store: Holds the run.
        clock: Time.
        kind: Which playbook.
        goal: What for.
        about: What else a resume or a reader needs: the bed, the evidence.
    """
    arguments: dict[str, Json] = {"regions": list(goal.regions), "lost": goal.lost, "to": goal.to, **about}
    return execution.begin(store, clock, kind, arguments)


def execute(
    journal: Journal, target: Target, *, store: Store, clock: Clock, listener: Listener, take_over: bool = False
) -> Result:
    """Take the lease, run the journal's goal until it ends, release the lease.

    Raises:
        UsageError: The run is of a kind that cannot be executed here, or has ended.
        HeldByAnotherError: Somebody else acts on the service; it says who.
        OutsideError: The previous holder's process goes on writing its journal.
    """
    return execution.execute(
        _playbook(journal, target),
        journal,
        SERVICE,
        store=store,
        clock=clock,
        listener=listener,
        reported_epochs=(target.observe().highest_epoch(),),
        take_over=take_over,
    )


def _playbook(journal: Journal, target: Target) -> FailoverPlaybook:
    started = journal.records[0].data if journal.records else {}
    kind = str(started.get("goal", ""))
    if kind not in _PLAYBOOKS:
        raise UsageError(
            f"a run of the kind `{kind}` cannot be resumed",
            where=f"run {journal.run}",
            allowed=", ".join(_PLAYBOOKS),
            next_step="aurops runs list",
        )
    if ended := History(journal.records).finished:
        raise UsageError(f"the run has ended: {ended}", where=f"run {journal.run}")
    arguments = cast("dict[str, object]", started["arguments"])
    regions = tuple(cast("list[str]", arguments["regions"]))
    wanted = arguments.get("to")
    goal = FailoverGoal(regions, str(arguments["lost"]), None if wanted is None else str(wanted))
    return _PLAYBOOKS[kind](target, goal)
