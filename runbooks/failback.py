"""`aurops failback`: a planned switchover back to the region that was born primary."""

from __future__ import annotations

import typer

from failover.goal import check_failback
from runbooks.failover import carry_out, show_plan
from runbooks.service import AsJson, Bed, DryRun, Yes, open_service
from runbooks.terminal import confirm

app = typer.Typer(name="failback", add_completion=False, rich_markup_mode=None)


@app.command()
def failback(*, bed: Bed = None, dry_run: DryRun = False, as_json: AsJson = False, yes: Yes = False) -> None:
    """Serve again from the first region in order of preference: it takes over from the one that serves.

    Requests are held meanwhile, none is refused. It must stream already: `aurops reprotect` makes it.
    """
    with open_service(bed) as (found, target):
        world = target.observe()
        goal = check_failback(tuple(found.agents), world, target.capabilities)
        if dry_run:
            show_plan(target, goal, world, as_json=as_json)
            return
        confirm(f"Go back from {goal.lost} to {goal.to}? {goal.lost} hands over; requests wait meanwhile.", yes=yes)
        carry_out("failback", goal, found, target, as_json=as_json)
