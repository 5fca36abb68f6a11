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
from failover.planner import FailoverGoal, check_goal, plan
from failover.targets.local import LocalEndpoints, LocalTarget
from runbooks import plans
from runbooks.terminal import alarm, confirm, ended, timeline
from testbeds.local import bed as beds

if TYPE_CHECKING:
    from aurops.journal import Journal
    from aurops.runner import Result
    from aurops.store import Store

__all__ = ["service_of"]
app = typer.Typer(name="failover", add_completion=False, rich_markup_mode=None)

Lost = Annotated[str, typer.Argument(metavar="REGION", help="The region to leave.")]
To = Annotated[str | None, typer.Option(help="The region to serve from; else the most advanced standby.")]
Bed = Annotated[str | None, typer.Option(help="Which bed; not needed when only one is up.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, call nothing that changes anything.")]
Glass = Annotated[bool, typer.Option("--break-glass", help="If the store is lost, go on without it: no lease.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
    found = beds.find(bed)
    beds.touch(found)  # it must not end for idleness while somebody acts on it
    clock = RealClock()
    target = LocalTarget(LocalEndpoints(found.agents, found.edge_url), clock)
    try:
        world, goal = target.observe(), FailoverGoal(tuple(found.agents), region, to)
        check_goal(goal, world)
        if dry_run:
            stages = plan(world, goal, History([]))
            typer.echo(plans.as_json(stages) if as_json else plans.as_text(stages))
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
    finally:
        target.close()
    ended(journal.run, result, as_json=as_json)


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int) -> Result:
    """Go on with a failover or a re-protection (`runbooks.kinds.Kind.resume`)."""
    bed = beds.find(History(journal.records).arguments.get("bed"))
    beds.touch(bed)
    clock = RealClock()
    target = LocalTarget(LocalEndpoints(bed.agents, bed.edge_url), clock)
    try:
        with timeline() as told:
            result = execute(
                journal, target, store=store, clock=clock, listener=told.hear, take_over=take_over, leap=leap
            )
    finally:
        target.close()
    if result.ending is not Ending.RESTORED:
        ended(journal.run, result)
    return result
