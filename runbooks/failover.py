"""`aurops failover REGION`: leave a region now; with `--dry-run` only the plan, with the reason of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aurops.clock import RealClock
from aurops.errors import UsageError
from aurops.history import RESTORE, History
from aurops.runner import Ending
from aurops.store import default_store_url
from failover import break_glass
from failover.execute import begin, execute, service_of
from failover.goal import FailoverGoal, Mode, at_risk, check_goal, check_switchover
from failover.playbook import FailoverPlaybook
from failover.switchover import held_s
from runbooks import plans
from runbooks.service import AsJson, Bed, DryRun, Yes, open_service
from runbooks.terminal import alarm, confirm, ended, timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.journal import Journal
    from aurops.runner import Result
    from aurops.store import Store
    from failover.model import Target, World
    from testbeds.local.state import BedState

__all__ = ["service_of"]
app = typer.Typer(name="failover", add_completion=False, rich_markup_mode=None)

_LOOK_S = 1.0

Lost = Annotated[str, typer.Argument(metavar="REGION", help="The region to leave.")]
To = Annotated[str | None, typer.Option(help="The region to serve from; else the first, by force the most advanced.")]
Planned = Annotated[bool, typer.Option("--planned", help="It hands over, no request is refused: the default.")]
Force = Annotated[bool, typer.Option("--force", help="It is lost: do not ask it for anything.")]
Glass = Annotated[bool, typer.Option("--break-glass", help="If the store is lost, go on without it: no lease.")]


@app.command()
def failover(  # noqa: PLR0913 (each an option)
    region: Lost,
    *,
    to: To = None,
    planned: Planned = False,
    force: Force = False,
    bed: Bed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    yes: Yes = False,
    glass: Glass = False,
) -> None:
    """Leave a region of a bed that is up, or print the plan for it.

    It hands over while requests are held. One that cannot is left only with --force: its writers are stopped first.
    """
    if planned and force:
        raise UsageError("a region either hands over or is left by force", allowed="--planned or --force")
    with open_service(bed) as (found, target):
        world = target.observe()
        goal = FailoverGoal(tuple(found.agents), region, to, Mode.FORCED if force else Mode.PLANNED)
        check_goal(goal, world)
        check_switchover(goal, world, target.capabilities)
        if dry_run:
            show_plan(target, goal, world, as_json=as_json)
            return
        confirm(_question(goal, world), yes=yes)
        carry_out("failover", goal, found, target, as_json=as_json, glass=glass)


def show_plan(target: Target, goal: FailoverGoal, world: World, *, as_json: bool) -> None:
    """What would be done, and why."""
    typer.echo(plans.shown(FailoverPlaybook(target, goal).plan(world, History([])), as_json=as_json))


def _question(goal: FailoverGoal, world: World) -> str:
    if goal.mode is Mode.PLANNED:
        return f"Leave {goal.lost}? It hands over; requests wait meanwhile."
    risk = at_risk(goal, world)
    return f"Leave {goal.lost} by force? Its writers are stopped until it is re-protected. As seen now: {risk}."


def carry_out(
    kind: str, goal: FailoverGoal, found: BedState, target: Target, *, as_json: bool, glass: bool = False
) -> None:
    """Begin a run, run it, say how it ended."""
    clock = RealClock()
    with timeline() as told:
        journal, result = break_glass.run(
            default_store_url(),
            lambda store: begin(store, clock, kind, goal, {"bed": found.id}),
            lambda journal, store, leap: execute(
                journal, target, store=store, clock=clock, listener=told.hear, leap=leap
            ),
            allowed=glass,
            warn=alarm,
        )
        about = _about(journal, target)
    _conclude(journal.run, result, about, found, as_json=as_json)


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool) -> Result:
    """Go on with a failover or a re-protection (`runbooks.kinds.Kind.resume`)."""
    with open_service(History(journal.records).arguments.get("bed")) as (found, target), timeline() as told:
        result = execute(
            journal, target, store=store, clock=RealClock(), listener=told.hear, take_over=take_over, leap=leap
        )
        about = _about(journal, target)
    if result.ending is not Ending.RESTORED or result.why:
        _conclude(journal.run, result, about, found, as_json=as_json)
    return result


def _conclude(run: str, result: Result, about: dict[str, Any], found: BedState, *, as_json: bool) -> None:
    ended(run, result, as_json=as_json, about=about)
    if as_json:
        return
    if "held_s" in about:
        typer.echo(f"requests were held for {about['held_s']:.2f} s; {_followed(about['followed'])}")
    for region, why in about["unprotected"].items():
        typer.echo(f"{region} {why}\n  next: aurops reprotect {region} --bed {found.id}")


def _about(journal: Journal, target: Target) -> dict[str, Any]:
    """What the result says besides how the run ended."""
    return {"unprotected": _unprotected(target, journal), **_handed_over(journal)}


def _unprotected(target: Target, journal: Journal) -> dict[str, str]:
    """What does not copy the region that the run made the writer; a busy machine's agents get a second to answer."""
    history = History(journal.records)
    back = history.goal == RESTORE
    primary = str(history.arguments["lost"] if back else history.decisions.get("target", ""))
    if not primary:
        return {}
    clock = RealClock()
    until_s = clock.now_s() + _LOOK_S
    while (left := target.observe().unprotected(primary)) and clock.now_s() < until_s:
        clock.sleep(0.05)
    return left


def _handed_over(journal: Journal) -> dict[str, Any]:
    """How long a planned switchover held requests, and how each other region came to follow; empty for all else."""
    history = History(journal.records)
    waited_s, target = held_s(journal.records), history.decisions.get("target")
    if history.arguments.get("mode") != Mode.PLANNED or waited_s is None:
        return {}
    others = [region for region in history.arguments["regions"] if region != target]
    results = {region: history.results.get(f"repoint {region} to {target}", {}) for region in others}
    return {"held_s": waited_s, "followed": {region: data.get("method") for region, data in results.items()}}


def _followed(methods: Mapping[str, str | None]) -> str:
    """A switchover needs no rewind; one that was needed is said."""
    words = {"repoint": "follows without a rewind", "rewind": "had to be rewound", "basebackup": "had to be copied"}
    return ", ".join(f"{region} {words.get(str(method), 'follows')}" for region, method in methods.items())
