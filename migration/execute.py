"""A cutover under its service's lease: begun, driven, taken up again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from aurops import documents, execution
from aurops.errors import HeldError, UsageError
from aurops.gates.keeper import Keeper
from aurops.gates.steps import signers_of
from aurops.gates.waiting import Waiter
from aurops.history import History
from aurops.lease import Lease
from aurops.store import state_folder
from migration.cutover import KIND
from migration.cutover_file import Cutover
from migration.model import NEW
from migration.operators import OperatorHosts
from migration.playbook import CutoverPlaybook
from migration.probing import Probes
from migration.rehearsals import Rehearsals
from migration.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aurops.clock import Clock
    from aurops.gates.signing import Signers
    from aurops.journal import Journal
    from aurops.plan import Json
    from aurops.ports import Ports
    from aurops.runner import Listener, Result
    from aurops.store import Store
    from migration.model import Target, World
    from migration.probing import Probing

LEASE_TTL_S = 60.0
"""A look at gates may take half a minute, and a call may last two thirds of this."""


class OvertakenError(HeldError):
    """Another run has acted on the service since this one did: its plan is out of date."""


def begin(
    store: Store,
    clock: Clock,
    cutover: Cutover,
    signers: Signers,
    *,
    about: dict[str, Json] | None = None,
    releases: bool = False,
) -> Journal:
    """A new run, with its file and who may sign in its first record: the goal's digest covers both.

    Args:
        store: Holds the run.
        clock: Time.
        cutover: What is wanted.
        signers: Who may approve.
        about: What else a resume or a reader needs: how the proxies are reached.
        releases: It follows a rollback, whose latches it takes away.
    """
    arguments: dict[str, Json] = {"cutover": cutover.model_dump(mode="json", by_alias=True)}
    arguments |= {"signers": signers.arguments(), "releases": releases, **(about or {})}
    return execution.begin(store, clock, KIND, arguments)


def service_of(journal: Journal) -> str:
    """Whose lease a run acts under: two cutovers of one service exclude one another."""
    history = History(journal.records)
    if history.kind != KIND:
        return journal.run
    return f"cutover-{history.arguments['cutover']['service']}"


def cutover_of(history: History) -> Cutover:
    """What a run is to reach, as its first record says.

    Raises:
        UsageError: An aurops that took other plans began it.
    """
    try:
        return Cutover.model_validate(history.arguments["cutover"])
    except ValidationError as cause:
        error = documents.explain(documents.first_wrong(cause), Cutover, "", "the plan in the run's first record")
        error.next_step = "go on with the aurops that began it, or back: `aurops rollback` needs no plan"
        raise error from cause


def check_start(cutover: Cutover, world: World, *, releases: bool = False) -> None:
    """Refuse to begin where a cutover cannot begin.

    Raises:
        UsageError: A latch holds and was not meant, none holds and one was meant, or traffic is moved already.
        HeldError: A proxy does not answer.
    """
    states = {proxy: world.state(proxy) for proxy in cutover.proxies}
    if dark := [proxy for proxy, state in states.items() if state is None]:
        why = "; ".join(f"{proxy}: {world.proxies[proxy].why_unknown}" for proxy in dark)
        raise HeldError("not every proxy answers", where=why, next_step="bring them up first")
    latched = {proxy: state.latch for proxy, state in states.items() if state and state.latch}
    if latched and not releases:
        proxy, latch = next(iter(latched.items()))
        raise UsageError(
            f"{proxy} was rolled back by {latch.who}: {latch.reason}",
            where=f"{proxy}, epoch {latch.epoch}",
            next_step="find out why; then aurops cutover release FILE, with a new plan",
        )
    if releases and not latched:
        raise UsageError("no rollback holds: there is nothing to release", next_step="aurops cutover FILE")
    moved = [proxy for proxy, state in states.items() if state and state.weight(NEW)]
    if moved:
        raise UsageError(
            f"traffic is moved already at {', '.join(moved)}",
            next_step="resume the run that moved it (aurops runs list), or go back first: aurops rollback",
        )


def refuse_second(cutover: Cutover, store: Store, clock: Clock) -> None:
    """Refuse a cutover of a service while another one is under way: its first record would overtake that for good.

    What follows a rollback does so, by design; nothing asks here then.

    Raises:
        UsageError: The run that has acted on the service last has not ended.
        StoreError: The store cannot be read.
    """
    last = execution.last_to_take(
        store,
        clock,
        lambda _, history: history.kind == KIND and history.arguments["cutover"]["service"] == cutover.service,
    )
    if last and not History(last.records).finished:
        raise UsageError(
            f"a cutover of {cutover.service} is under way; a second one would overtake it for good",
            where=f"run {last.run}",
            next_step=f"aurops runs resume {last.run}; or give it up first: aurops runs abort {last.run} --reason …",
        )


def execute(  # noqa: PLR0913 (what a run needs)
    journal: Journal,
    target: Target,
    *,
    store: Store,
    clock: Clock,
    ports: Ports,
    listener: Listener = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    take_over: bool = False,
    leap: int = 0,
    wait: bool = False,
    probing: Probing | None = None,
    reports: Path | None = None,
) -> Result:
    """Take the lease, drive the run until it ends or meets a shut gate; with `wait` stay, holding nothing.

    Args:
        journal: The run.
        target: The proxies.
        store: Holds the run.
        clock: Time.
        ports: Data and canary; the others are this run's own: its probes, rehearsals, watchers, operators' hosts.
        listener: Told of every record.
        tell: Told what it waits for.
        take_over: A person says that the present holder cannot act any more.
        leap: How far its epoch is above what is known, at least.
        wait: Stay at shut gates.
        probing: The probes; None: sent by a process of this host.
        reports: The folder for reports of rehearsed rollbacks; None: in this user's state folder.

    Raises:
        UsageError: The run has ended.
        OvertakenError: Another run has acted on the service since; nothing was called.
        HeldByAnotherError: Somebody else acts on the service.
        LeaseLostError: Somebody else took over while this run acted.
    """
    history = History(journal.records)
    if history.finished:
        raise UsageError(f"the run has ended: {history.finished}", where=f"run {journal.run}")
    cutover = cutover_of(history)
    probes = probing or Probes(cutover, journal.run, clock)
    rehearsals = Rehearsals(
        store,
        clock,
        journal.run,
        cutover.service,
        cutover.proxies,
        target,
        reports=reports or state_folder() / "reports",
    )
    watchers, operators = Watchers(target, cutover.proxies, clock), OperatorHosts(target, cutover.operator_hosts, clock)
    ports = replace(ports, interruption=probes, rehearsed=rehearsals, watched=watchers, operators=operators)
    keeper = Keeper(store, clock, signers_of(history), ports)

    def playbook_of(mine: Journal) -> CutoverPlaybook:
        releases = bool(history.arguments["releases"])
        return CutoverPlaybook(
            cutover,
            target,
            probes,
            rehearsals,
            ports=ports,
            keeper=keeper,
            journal=mine,
            clock=clock,
            releases=releases,
        )

    def must_act(mine: Journal) -> bool:
        return probes.died() or playbook_of(mine).is_stopped()

    def drive(*, again: bool) -> Result:
        mine = type(journal).open(store, journal.run, clock) if again else journal
        playbook = playbook_of(mine)
        seen = playbook.observe().highest_epoch()
        return execution.drive(
            playbook,
            mine,
            Lease(store, service_of(journal), clock, LEASE_TTL_S),
            store=store,
            clock=clock,
            listener=listener,
            take_over=take_over and not again,
            # Each rehearsed rollback takes two epochs between what is in effect and ours: its own, and its release's.
            reported_epochs=(seen + 2 * cutover.rehearsals + leap, History(mine.records).epoch + leap),
            check=lambda: _refuse_outdated(mine, store, clock),
            again=again,
        )

    if not wait:
        return drive(again=False)
    return Waiter(store, journal.run, clock, keeper, tell, must_act).pass_gates(drive)


def _refuse_outdated(journal: Journal, store: Store, clock: Clock) -> None:
    """A run that acted goes on only when no other has after it; one that has not acted begins beside none.

    Under the lease: of two that were begun in one moment, or one that never came to act and is resumed days later, one
    goes on. Rollbacks show at the proxies, for both.
    """
    history = History(journal.records)
    if not history.epoch:
        if not (history.arguments["releases"] or history.arguments.get("rehearsal")):
            refuse_second(cutover_of(history), store, clock)
        return
    newer = execution.newer_run(journal, store, clock, service_of)
    if newer is not None:
        raise OvertakenError(
            f"run {newer} has acted on this service since",
            where=f"run {journal.run}",
            next_step=f"aurops runs resume {newer}; `aurops runs abort {journal.run} --reason …` closes this one",
        )
