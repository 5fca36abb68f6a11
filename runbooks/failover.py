"""`aurops failover REGION`: leave a region now; with `--dry-run` only the plan, with the reason of each step."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aurops.clock import RealClock
from aurops.history import History
from aurops.store import default_store_url
from failover import break_glass
from failover.execute import begin, execute
from failover.planner import FailoverGoal, check_goal, plan
from failover.targets.local import LocalEndpoints, LocalTarget
from runbooks.terminal import Timeline, alarm, confirm, ended
from testbeds.local import bed as beds

app = typer.Typer(name="failover")

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
    """Fail over the local bed's service by force, or print the plan for it."""
    found = beds.find(bed)
    clock = RealClock()
    target = LocalTarget(LocalEndpoints(found.agents, found.edge_url), clock)
    try:
        world, goal = target.observe(), FailoverGoal(tuple(found.agents), region, to)
        check_goal(goal, world)
        if not dry_run:
            confirm(f"Fail over from {region}? Its writers are stopped for good until it is re-protected.", yes=yes)
            told = Timeline()
            journal, result = break_glass.run(
                default_store_url(),
                lambda store: begin(store, clock, "failover", goal, {"bed": found.id}),
                lambda journal, store, leap: execute(
                    journal, target, store=store, clock=clock, listener=told.hear, leap=leap
                ),
                allowed=glass,
                warn=alarm,
            )
            ended(journal.run, result)
            return
    finally:
        target.close()
    stages = plan(world, goal, History([]))
    if as_json:
        rows = [{"stage": s.name, "steps": [{"name": t.name, "reason": t.reason} for t in s.steps]} for s in stages]
        typer.echo(json.dumps(rows))
        return
    for number, stage in enumerate(stages, 1):
        typer.echo(f"{number}. {stage.name}")
        for decision in stage.decisions:
            typer.echo(f"   decide {decision.name} = {decision.value}\n      {decision.reason}")
        for step in stage.steps:
            typer.echo(f"   {step.name}{'' if step.required else ' (best effort)'}\n      {step.reason}")
