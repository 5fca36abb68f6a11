"""`aurops reprotect REGION`: make a region that was left or lost a standby of the one that serves now."""

from __future__ import annotations

from typing import Annotated

import typer

from aurops.clock import RealClock
from aurops.store import default_store_url, open_store
from failover.execute import begin, execute
from failover.goal import FailoverGoal, check_follower
from failover.planner import plan_reprotect
from runbooks import plans
from runbooks.service import AsJson, Bed, DryRun, Yes, open_service
from runbooks.terminal import confirm, ended, timeline

app = typer.Typer(name="reprotect", add_completion=False, rich_markup_mode=None)

Region = Annotated[str, typer.Argument(metavar="REGION", help="The region to bring back as a standby.")]


@app.command()
def reprotect(
    region: Region,
    *,
    bed: Bed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Make a region of a bed that is up a standby of the one that serves, by repointing, rewinding or copying.

    What only its database has is kept in the bed's folder before a rewind or a copy takes its place.
    """
    with open_service(bed) as (found, target):
        regions = tuple(found.agents)
        primary = check_follower(target.observe(), region)
        if dry_run:
            typer.echo(plans.shown(plan_reprotect(regions, region, primary), as_json=as_json))
            return
        confirm(f"Make {region} a standby of {primary}?", yes=yes)
        store, clock = open_store(default_store_url()), RealClock()
        journal = begin(store, clock, "reprotect", FailoverGoal(regions, region, primary), {"bed": found.id})
        with timeline() as told:
            result = execute(journal, target, store=store, clock=clock, listener=told.hear)
    ended(journal.run, result, as_json=as_json)
