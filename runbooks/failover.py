"""`aurops failover REGION`: leave a region now; with `--dry-run` only the plan, with the reason of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from aurops.history import History
from aurops.runner import Ending
from aurops.store import default_store_url
from failover import break_glass
from failover.execute import begin, execute, service_of
from failover.goal import FailoverGoal, check_goal
from failover.planner import plan
from runbooks import plans
from runbooks.service import AsJson, Bed, DryRun, Yes, open_service
from runbooks.terminal import alarm, confirm, ended, timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.journal import Journal
    from aurops.runner import Result
    from aurops.store import Store
    from failover.model import Target
    from testbeds.local.state import BedState

__all__ = ["service_of"]
app = typer.Typer(name="failover", add_completion=False, rich_markup_mode=None)

_LOOK_S = 1.0

Lost = Annotated[str, typer.Argument(metavar="REGION", help="The region to leave.")]
To = Annotated[str | None, typer.Option(help="The region to serve from; else the most advanced standby.")]
Glass = Annotated[bool, typer.Option("--break-glass", help="If the store is lost, go on without it: no lease.")]


@app.command()
def failover(
    region: Lost,
    *,
    to: To = None,
    bed: Bed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    yes: Yes = False,
    glass: Glass = False,
) -> None:
    """Leave a region of a bed that is up, by force, or print the plan for it.

    The region need not be lost: its writers are stopped first, and no acknowledged write is lost.
    """
    clock = RealClock()
    with open_service(bed) as (found, target):
        world, goal = target.observe(), FailoverGoal(tuple(found.agents), region, to)
        check_goal(goal, world)
        if dry_run:
            typer.echo(plans.shown(plan(world, goal, History([])), as_json=as_json))
            return
        confirm(f"Leave {region} by force? Its writers are stopped until it is re-protected.", yes=yes)
        with timeline() as told:
            journal, result = break_glass.run(
                default_store_url(),
                lambda store: begin(store, clock, "failover", goal, {"bed": found.id}),
                lambda journal, store, leap: execute(
                    journal, target, store=store, clock=clock, listener=told.hear, leap=leap
                ),
                allowed=glass,
                warn=alarm,
            )
        left = _unprotected(target, journal)
    ended(journal.run, result, as_json=as_json, about={"unprotected": left})
    if not as_json:
        say_unprotected(left, found)


def _unprotected(target: Target, journal: Journal) -> dict[str, str]:
    """What does not copy the region that the run made the writer; a busy machine's agents get a second to answer."""
    primary = str(History(journal.records).decisions.get("target", ""))
    if not primary:
        return {}
    clock = RealClock()
    until_s = clock.now_s() + _LOOK_S
    while (left := target.observe().unprotected(primary)) and clock.now_s() < until_s:
        clock.sleep(0.05)
    return left


def say_unprotected(left: Mapping[str, str], bed: BedState) -> None:
    """One line per region that the failover left behind, with the command that brings it back."""
    for region, why in left.items():
        typer.echo(f"{region} {why}\n  next: aurops reprotect {region} --bed {bed.id}")


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int) -> Result:
    """Go on with a failover or a re-protection (`runbooks.kinds.Kind.resume`)."""
    with open_service(History(journal.records).arguments.get("bed")) as (found, target), timeline() as told:
        result = execute(
            journal, target, store=store, clock=RealClock(), listener=told.hear, take_over=take_over, leap=leap
        )
        left = _unprotected(target, journal)
    if result.ending is not Ending.RESTORED:
        ended(journal.run, result)
        say_unprotected(left, found)
    return result
