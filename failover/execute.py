"""Failover and re-protection on a target: the playbook of a run, under the service's lease."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from aurops import execution
from aurops.errors import HeldError, UsageError
from aurops.history import RESTORE, History
from aurops.lease import Lease
from aurops.requests import RequestKind, ask
from aurops.runner import Ending
from failover.goal import FAILOVERS, FailoverGoal, Mode, check_follower, check_goal, check_switchover
from failover.playbook import FailoverPlaybook, ReprotectPlaybook

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.journal import Journal
    from aurops.plan import Json
    from aurops.runner import Listener, Result
    from aurops.store import Store
    from failover.model import Target


class OvertakenError(HeldError):
    """Another run has acted on the service since this one did: what this one knows and wants is out of date."""


_PLAYBOOKS = {**dict.fromkeys(FAILOVERS, FailoverPlaybook), "reprotect": ReprotectPlaybook}


def begin(
    store: Store, clock: Clock, kind: str, goal: FailoverGoal, about: dict[str, Json], *, run: str | None = None
) -> Journal:
    """A new run of this kind (`failover`, `failback`, `reprotect`), with its goal in its first record.

    Args:
        store: Holds the run.
        clock: Time.
        kind: Which playbook.
        goal: What for.
        about: What else a resume or a reader needs: the bed, the evidence.
        run: Its id; None: a new one.
    """
    arguments: dict[str, Json] = {"regions": list(goal.regions), "lost": goal.lost, "to": goal.to, "mode": goal.mode}
    arguments |= about
    return execution.begin(store, clock, kind, arguments, run=run)


def execute(  # noqa: PLR0913 (what a run needs)
    journal: Journal,
    target: Target,
    *,
    store: Store,
    clock: Clock,
    listener: Listener,
    take_over: bool = False,
    leap: int = 0,
    lease: Lease | None = None,
) -> Result:
    """Take the service's lease, run the journal's goal until it ends, release the lease.

    A planned switchover that gets stuck before its point of no return goes back at once: its clients are waiting.

    Args:
        journal: The run.
        target: What it acts on.
        store: Holds run and lease.
        clock: Time.
        listener: Told of every record.
        take_over: A person says that the present holder cannot act any more.
        leap: How far, beyond the next one, the epoch must be above every known one (`failover.break_glass`).
        lease: The service's, not taken yet, of whoever has watched its present holder; None: a new one.

    Raises:
        UsageError: The run is of a kind that cannot be executed here, has ended, or its goal makes no sense any more.
        OvertakenError: Another run has acted on the service since; nothing was called.
        HeldByAnotherError: Somebody else acts on the service; it says who.
        LeaseLostError: Somebody else took over while this run acted.
        OutsideError: The previous holder's process goes on writing its journal.
    """

    def drive(lease: Lease, *, take_over: bool = False) -> Result:
        playbook, world, epoch = _playbook(journal, target), target.observe(), History(journal.records).epoch
        return execution.drive(
            playbook,
            journal,
            lease,
            store=store,
            clock=clock,
            listener=listener,
            take_over=take_over,
            reported_epochs=(world.highest_epoch() + leap, epoch + leap),
            check=lambda: _refuse_outdated(journal, target, store, clock),
        )

    result = drive(lease or Lease(store, service_of(journal), clock), take_over=take_over)
    if result.ending is not Ending.STUCK or not _may_go_back(journal):
        return result
    ask(
        store,
        journal.run,
        RequestKind.ABORT,
        who="aurops",
        reason=f"a planned switchover that is stuck must not keep clients waiting: {result.why}",
        clock=clock,
        above_n=History(journal.records).requests_seen,
    )
    back = drive(Lease(store, service_of(journal), clock))
    if back.ending is Ending.RESTORED:
        return replace(back, why=f"it went back by itself: {result.why}")
    lost = History(journal.records).arguments["lost"]
    force = f"if {lost} is lost by now: aurops failover {lost} --force"
    return replace(back, why=f"{result.why}; going back did not work either: {back.why}; {force}")


def _may_go_back(journal: Journal) -> bool:
    """A switchover before its point of no return, that is not going back yet."""
    history = History(journal.records)
    return history.arguments.get("mode") == Mode.PLANNED and not history.past_no_return and history.goal != RESTORE


def service_of(journal: Journal) -> str:
    """Whose lease a run acts under: its bed's service, or the run itself when only its children touch the service."""
    history = History(journal.records)
    return service_named(str(history.arguments.get("bed"))) if history.kind in _PLAYBOOKS else journal.run


def service_named(bed: str) -> str:
    """The service of a bed: what its lease is called."""
    return f"ledger-{bed}"


def newer_run(journal: Journal, store: Store, clock: Clock) -> str | None:
    """The run that called something on the same service under the highest epoch above this run's; None when none did.

    Raises:
        StoreError: The store cannot be read.
    """
    return execution.newer_run(journal, store, clock, service_of)


def _refuse_outdated(journal: Journal, target: Target, store: Store, clock: Clock) -> None:
    """A run that acted goes on only when nobody acted after it; one that has not acted is judged like a new one."""
    history, world = History(journal.records), target.observe()
    if history.kind == "reprotect":
        check_follower(world, str(history.arguments["lost"]), str(history.arguments["to"]))
    if not history.epoch:
        if history.kind in FAILOVERS:
            check_goal(_goal(history), world)
            check_switchover(_goal(history), world, target.capabilities)
        return
    newer, seen = newer_run(journal, store, clock), world.highest_epoch()
    if newer is None and seen <= history.epoch:
        return
    who = f"run {newer}" if newer else "another run"
    first = "" if newer else f"if it went on with --break-glass: `aurops runs bring-back {journal.run}`; else "
    raise OvertakenError(
        f"{who} has acted on this service since (epoch {max(seen, history.epoch)}, this run's last is {history.epoch})",
        where=f"run {journal.run}",
        next_step=f"{first}`aurops local status` shows what serves now; for another failover begin a new run"
        + (f"; `aurops runs abort {journal.run} --reason …` closes this one and calls nothing" if newer else ""),
    )


def _goal(history: History) -> FailoverGoal:
    wanted = history.arguments.get("to")
    regions = tuple(cast("list[str]", history.arguments["regions"]))
    mode = Mode(history.arguments.get("mode", Mode.FORCED))  # journals of an earlier aurops knew no other
    return FailoverGoal(regions, str(history.arguments["lost"]), None if wanted is None else str(wanted), mode)


def _playbook(journal: Journal, target: Target) -> FailoverPlaybook:
    history = History(journal.records)
    kind = history.kind
    if kind not in _PLAYBOOKS:
        raise UsageError(
            f"a run of the kind `{kind}` cannot be resumed",
            where=f"run {journal.run}",
            allowed=", ".join(_PLAYBOOKS),
            next_step="aurops runs list",
        )
    if history.finished:
        raise UsageError(f"the run has ended: {history.finished}", where=f"run {journal.run}")
    return _PLAYBOOKS[kind](target, _goal(history))
