"""`aurops failover REGION --dry-run`: the plan, with the reason of each step."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import UsageError
from aurops.history import History
from failover.planner import FailoverGoal, check_goal, plan
from failover.targets.local import LocalEndpoints, LocalTarget
from testbeds.local import bed as beds

app = typer.Typer(name="failover")

Lost = Annotated[str, typer.Argument(metavar="REGION", help="The region to leave.")]
To = Annotated[str | None, typer.Option(help="The region to serve from; else the most advanced standby.")]
Bed = Annotated[str | None, typer.Option(help="Which bed; not needed when only one is up.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, call nothing that changes anything.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def failover(region: Lost, *, to: To = None, bed: Bed = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Plan a forced failover of the local bed's service."""
    if not dry_run:
        raise UsageError(
            "only the plan can be made outside a drill",
            where="aurops failover",
            allowed="--dry-run",
            next_step="aurops failover-test runs a failover and measures it",
        )
    found = beds.find(bed)
    target = LocalTarget(LocalEndpoints(found.agents, found.edge_url), RealClock())
    try:
        world, goal = target.observe(), FailoverGoal(tuple(found.agents), region, to)
    finally:
        target.close()
    check_goal(goal, world)
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
