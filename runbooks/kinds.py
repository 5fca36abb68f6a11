"""How each kind of run is taken up again: the one place that knows which module does it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from aurops import execution
from aurops.errors import AuropsError, UsageError
from aurops.history import History

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.journal import Journal
    from aurops.runner import Result
    from aurops.store import Store

MODULES = {
    "measure": "runbooks.drill",
    "failover": "runbooks.failover",
    "failback": "runbooks.failover",
    "reprotect": "runbooks.failover",
    "cutover": "runbooks.cutover",
    "up": "runbooks.deployments",
    "destroy": "runbooks.deployments",
}
"""By the goal in a run's first record; imported when a run asks for it, for some bring the Pulumi SDK along."""


WAITS = ("cutover",)
"""The kinds whose runs wait at gates, can be stayed with, and have steps that nobody leaves out."""


OVERTAKEN = ("failover", "failback", "reprotect", "cutover")
"""The kinds of which an older run goes on no more, once a newer one has acted on its service."""


@dataclass(frozen=True)
class LetGo:
    """What became of the holds of a run that are elsewhere than at its gates.

    Args:
        done: What was let go of.
        left: What may still hold, and why.
        elsewhere: What only another host can let go of: nobody tried.
    """

    done: tuple[str, ...] = ()
    left: tuple[AuropsError, ...] = ()
    elsewhere: tuple[str, ...] = ()


class Kind(Protocol):
    """What such a module has."""

    def service_of(self, journal: Journal) -> str:
        """The lease that a run acts under."""
        ...

    def resume(self, journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool) -> Result:
        """Go on with a run and say how it ended; one that was brought back to where it began only returns.

        It is said as by the command that begins such runs; nothing else is printed on standard output.

        Args:
            journal: The run.
            store: Where it stands; with `leap` a folder of this machine, because the real one is lost.
            take_over: A person says that its holder cannot act any more.
            leap: How far the epoch must be above all known ones; 0 with a healthy store.
            as_json: Print JSON.

        Raises:
            UsageError: This kind of run is not worth going on without the store.
            AuropsError: It did not reach its goal.
        """
        ...


class Waiting(Protocol):
    """What the module of such a kind has."""

    def resume(
        self, journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool, wait: bool
    ) -> Result:
        """As `Kind.resume`, staying at gates if wanted."""
        ...

    def holds(self, journal: Journal) -> tuple[str, ...]:
        """What is held for this run elsewhere than at its gates, and why."""
        ...

    def release_holds(self, journal: Journal, reason: str) -> LetGo:
        """Let go of what is held for this run elsewhere than at its gates; one that cannot be hinders no other."""
        ...

    def gated(self, journal: Journal) -> tuple[str, ...]:
        """The stages of the run's plan that have gates, in order."""
        ...

    def may_not_skip(self, journal: Journal, step: str) -> str:
        """Why this step is never left out; empty: it may be."""
        ...

    def leave(self, journal: Journal) -> None:
        """End what a run that nobody takes up any more has running on this host; nothing else is asked."""
        ...


def kind_of(journal: Journal) -> Kind:
    """The module of a run.

    Raises:
        UsageError: This aurops does not know such runs.
    """
    kind = History(journal.records).kind
    if kind not in MODULES:
        raise UsageError(
            f"a run of the kind `{kind}` cannot be steered", where=f"run {journal.run}", allowed=", ".join(MODULES)
        )
    return cast("Kind", import_module(MODULES[kind]))


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool, wait: bool = False) -> Result:
    """Go on with a run; with `wait` stay at its gates.

    Raises:
        UsageError: This kind of run waits at none, or this aurops does not know such runs.
        AuropsError: It did not reach its goal.
    """
    module, kind = kind_of(journal), History(journal.records).kind
    if not wait:
        return module.resume(journal, store, take_over=take_over, leap=leap, as_json=as_json)
    if kind not in WAITS:
        raise UsageError(f"a run of the kind `{kind}` waits at no gate", where="--wait", allowed=", ".join(WAITS))
    waiting = cast("Waiting", module)
    return waiting.resume(journal, store, take_over=take_over, leap=leap, as_json=as_json, wait=True)


def holds(journal: Journal) -> tuple[str, ...]:
    """What is held for a run elsewhere than at its gates, and why, as far as that can be seen here."""
    if History(journal.records).kind not in WAITS:
        return ()
    try:
        return cast("Waiting", kind_of(journal)).holds(journal)
    except AuropsError as error:
        return (f"a proxy, perhaps, which is not known here: {error.what} ({error.where})",)


def release_holds(journal: Journal, reason: str) -> LetGo:
    """Let go of what is held for a run elsewhere than at its gates, as far as that can be done here."""
    if History(journal.records).kind not in WAITS:
        return LetGo()
    try:
        return cast("Waiting", kind_of(journal)).release_holds(journal, reason)
    except AuropsError as error:
        return LetGo(left=(error,))


def refuse_no_gates(journal: Journal, stage: str) -> None:
    """Refuse a run, or a stage of it (empty: any), that has no gates: nobody can hold them.

    Raises:
        UsageError: It has none.
    """
    kind, run = History(journal.records).kind, journal.run
    if kind not in WAITS:
        what = f"a run of the kind `{kind}` waits at no gate, so that nothing would be held"
        step = f"before its next stage it is stopped by: aurops runs pause {run}"
        raise UsageError(what, where=f"run {run}", allowed=f"runs of the kind {', '.join(WAITS)}", next_step=step)
    if stage and stage not in (stages := cast("Waiting", kind_of(journal)).gated(journal)):
        what = f"the run's plan has no stage `{stage}` with gates, so that nothing would be held"
        raise UsageError(what, where=f"run {run}: --stage", allowed=", ".join(stages))


def may_not_skip(journal: Journal, step: str) -> str:
    """Why nobody leaves out this step of a run, whatever is asked for; empty: it may be left out."""
    if History(journal.records).kind not in WAITS:
        return ""
    return cast("Waiting", kind_of(journal)).may_not_skip(journal, step)


def overtaken_by(journal: Journal, store: Store, clock: Clock) -> str | None:
    """The run that has acted on this one's service since, so that this one can only be closed; None: there is none.

    Raises:
        StoreError: The store cannot be read.
    """

    def service_of(each: Journal) -> str:
        is_overtaken = History(each.records).kind in OVERTAKEN
        return kind_of(each).service_of(each) if is_overtaken else each.run

    return execution.newer_run(journal, store, clock, service_of)


def leave(journal: Journal) -> None:
    """End what a run that nobody takes up any more has running on this host."""
    if History(journal.records).kind in WAITS:
        cast("Waiting", kind_of(journal)).leave(journal)


def is_gone(journal: Journal) -> bool:
    """Whether a run was a rehearsal whose platforms are gone: nobody can take it up, or has anything to take back."""
    arguments = History(journal.records).arguments
    if not arguments.get("rehearsal"):
        return False
    return not all(Path(file).exists() for file in arguments["cutover"]["sites"].values())


def refuse_gone(journal: Journal) -> None:
    """Refuse to take such a run up.

    Raises:
        UsageError: Its platforms are gone.
    """
    if is_gone(journal):
        raise UsageError(
            "it was a rehearsal that ended early, and its platforms are gone",
            where=f"run {journal.run}",
            next_step=f"begin another one; this is closed by aurops runs abort {journal.run} --reason …",
        )


def refuse_without_store(journal: Journal, leap: int) -> None:
    """For kinds of runs that can wait.

    Raises:
        UsageError: The store is lost.
    """
    if leap:
        raise UsageError(
            f"a run of the kind `{History(journal.records).kind}` is not worth a broken glass",
            where=f"run {journal.run}",
            next_step="wait for the store",
        )
