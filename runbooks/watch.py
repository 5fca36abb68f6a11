"""`aurops watch`: watch a service and fail it over when its policy says so; hold it, let it, look at it."""

from __future__ import annotations

import getpass
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops import requests
from aurops.clock import RealClock
from aurops.documents import load
from aurops.errors import UsageError
from aurops.history import History
from aurops.lease import Lease
from aurops.runner import Ending
from aurops.store import default_store_url, open_store
from aurops.webhook import Webhook
from failover.execute import begin, execute, service_named
from failover.goal import FailoverGoal
from failover.policy import Policy
from failover.standing import Desk, watch_of
from failover.watch import Acted, Watch, check_policy, region_in_force
from failover.watching import Watching
from runbooks.reasons import refuse_silence
from runbooks.service import AsJson, Bed, open_service
from runbooks.terminal import Timeline, timeline, ways_on
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.plan import Json
    from aurops.store import Store
    from failover.model import Target
    from failover.policy import Finding
    from failover.watch import Event
    from testbeds.local.state import BedState

app = typer.Typer(
    name="watch", invoke_without_command=True, add_completion=False, rich_markup_mode=None, no_args_is_help=False
)

PolicyFile = Annotated[Path | None, typer.Option("--policy", help="YAML; without it every loss is automatic.")]
Metrics = Annotated[str | None, typer.Option(help="Serve Prometheus metrics at PORT or HOST:PORT; 0: a free port.")]
Hook = Annotated[str | None, typer.Option(help="POST every change there, as JSON.", envvar="AUROPS_WEBHOOK")]
_HIGHEST_PORT = 65535
Reason = Annotated[str, typer.Option(help="Why; whoever looks is shown it.")]


@app.callback()
def watch(
    ctx: typer.Context,
    *,
    bed: Bed = None,
    policy_file: PolicyFile = None,
    metrics: Metrics = None,
    webhook: Hook = None,
    as_json: AsJson = False,
) -> None:
    """Watch the service of a bed and fail it over when the policy says so, until stopped by Ctrl-C or a signal.

    Three vantage points probe the region that serves with committed writes. While nothing happens no lease of the
    service is held. With --json each change is one line on standard output.
    """
    if ctx.invoked_subcommand is not None:
        return
    policy = Policy() if policy_file is None else load(policy_file, Policy)
    check_policy(policy, len(LocalDrillBed.VANTAGES), "the default policy" if policy_file is None else str(policy_file))
    hook = None if webhook is None else Webhook(webhook)
    exposed = None if metrics is None else address(metrics)
    clock, store = RealClock(), open_store(default_store_url())
    with open_service(bed) as (found, target), ExitStack() as stack:
        told, service = stack.enter_context(timeline()), service_named(found.id)
        region = region_in_force(target.observe())
        drill_bed = LocalDrillBed(found, clock)
        stack.callback(drill_bed.close)
        desk = stack.enter_context(Desk(store, service, clock, chores=partial(_keep, found, drill_bed)))
        vantages = drill_bed.start_vantages(region)
        watching = stack.enter_context(
            Watching(
                target,
                vantages,
                clock,
                region,
                policy,
                busy=lambda: desk.standing.busy,
                held=lambda: desk.standing.hands_off,
            )
        )
        tell, looked = _channels(stack, service, told, exposed, hook, as_json=as_json)
        Watch(
            service,
            watching,
            desk,
            clock,
            act=partial(_act, bed=found, target=target, store=store, desk=desk, told=told),
            tell=tell,
            aim=drill_bed.aim_vantages,
            looked=lambda finding: looked(finding, watching, desk),
        ).run()


@app.command()
def hold(*, reason: Reason, bed: Bed = None) -> None:
    """Let the watch of a service go on watching, and call a person instead of acting; it lasts until `resume`."""
    refuse_silence(reason, "whoever looks is shown it")
    _turn(bed, on=True, reason=reason)


@app.command()
def resume(*, reason: Reason = "", bed: Bed = None) -> None:
    """Let the watch act by itself again."""
    _turn(bed, on=False, reason=reason)


@app.command()
def status(*, bed: Bed = None) -> None:
    """Say who watches a service, and whether it may act."""
    with open_service(bed) as (found, _):
        store, service = open_store(default_store_url()), service_named(found.id)
        owner = Lease(store, watch_of(service), RealClock()).acting()
        on = requests.halted(store) or requests.held(store, service)
    watcher = f"pid {owner.holder.pid} on {owner.holder.host} watches it" if owner else "nobody watches it"
    may = f"held by {on.who} since {on.at[:19]} UTC: {on.reason}" if on else "it may act by itself"
    typer.echo(f"{service}: {watcher}; {may}")


def _keep(bed: BedState, drill_bed: LocalDrillBed) -> None:
    """What a watch sees to now and then: its bed stays up, and whoever watches for it lives."""
    beds.touch(bed)
    drill_bed.revive_vantages()


def _turn(bed: str | None, *, on: bool, reason: str) -> None:
    with open_service(bed) as (found, _):
        store, service = open_store(default_store_url()), service_named(found.id)
        requests.hold(store, service, on=on, reason=reason, who=getpass.getuser(), clock=RealClock())
    typer.echo(
        f"{service}: the watch calls a person instead of acting" if on else f"{service}: the watch may act again"
    )


def _channels(
    stack: ExitStack,
    service: str,
    told: Timeline,
    exposed: tuple[str, int] | None,
    hook: Webhook | None,
    *,
    as_json: bool,
) -> tuple[Callable[[Event], None], Callable[[Finding, Watching, Desk], None]]:
    """Who is told of a change, and of each judgement."""
    tells: list[Callable[[Event], object]] = [lambda event: told.tell(event.text)]
    if as_json:
        tells.append(lambda event: typer.echo(event.model_dump_json(by_alias=True)))
    if hook is not None:
        posting = stack.enter_context(hook)
        tells.append(lambda event: posting.tell(event.model_dump(mode="json", by_alias=True)))
    looked: Callable[[Finding, Watching, Desk], None] = lambda *_: None  # noqa: E731 (until there are metrics)
    if exposed is not None:
        from failover.watch_metrics import Exposition, WatchMetrics  # noqa: PLC0415 (only who asks for them)

        shown = WatchMetrics(service)
        stack.enter_context(Exposition(shown, *exposed, told.tell))
        tells.append(shown.changed)
        looked = shown.judged

    def tell(event: Event) -> None:
        for each in tells:
            each(event)

    return tell, looked


def address(text: str) -> tuple[str, int]:
    """Host and port of `PORT` (on loopback) or `HOST:PORT`.

    Raises:
        UsageError: It is neither.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise UsageError("this is no address", where=f"--metrics {text}", allowed="PORT or HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _act(finding: Finding, *, bed: BedState, target: Target, store: Store, desk: Desk, told: Timeline) -> Acted:
    """A forced failover, as `aurops failover --force` makes it, with the watch's evidence."""
    clock, goal = RealClock(), FailoverGoal(tuple(bed.agents), finding.region)
    about: dict[str, Json] = {"bed": bed.id, "by": "watch", "evidence": finding.evidence, "detected_at_s": finding.at_s}
    journal = begin(store, clock, "failover", goal, about)
    result = execute(journal, target, store=store, clock=clock, listener=told.hear, lease=desk.lend_lease())
    history, done = History(journal.records), result.ending is Ending.DONE
    serving = str(history.decisions["target"]) if history.past_no_return else finding.region
    said = f"run {journal.run} ended as {result.ending.value}"
    if done:
        left = target.observe().unprotected(serving)
        told_left = [f"{region} {why}: aurops reprotect {region}" for region, why in left.items()]
        said = "; ".join([f"{said}: {serving} serves", *told_left])
    else:
        said += f": {result.why or 'aborted'}; next: {ways_on(journal.run, result.ending)}"
    return Acted(journal.run, serving, said, is_done=done)
