"""What `up`, `destroy` and `runs resume` share: a deployment run from its first record to its end."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from aurops.clock import RealClock
from aurops.errors import AuropsError, ExitCode, HeldError, OutsideError, UsageError
from aurops.execution import begin, drive
from aurops.history import History
from aurops.inventories import Inventories
from aurops.journal import readable
from aurops.lease import Lease
from aurops.runner import Ending
from runbooks.finders import finder_of
from runbooks.kinds import refuse_without_store
from runbooks.sites import open_site
from runbooks.stopping import Stopped
from runbooks.terminal import timeline
from stacks.abreast import abreast_or_raise
from stacks.cli import cli
from stacks.deploy import Goal, Order, lifted
from stacks.deployment import Deployment
from stacks.engine import EngineStack, deployed
from stacks.health import Health, ServiceHealth
from stacks.survey import survey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aurops.inventory import Inventory
    from aurops.journal import Journal
    from aurops.plan import Json
    from aurops.runner import Result
    from aurops.store import Store
    from runbooks.sites import OpenSite
    from runbooks.terminal import Timeline
    from stacks.fleet import Fleet
    from stacks.health import HealthCheck
    from stacks.survey import Survey
    from testbeds.lab.session import LabSession

LEASE_TTL_S = 60.0
"""A call of a deployment lasts up to `stacks.deploy.CALL_S`, a third of this."""


class StepBugError(AuropsError):
    """A step failed by a fault of aurops itself, and not of the surroundings."""

    exit_code = ExitCode.BUG


def chosen(fleet: Fleet, stacks: Sequence[str]) -> tuple[str, ...]:
    """The stacks that a command acts on: those named, else all.

    Raises:
        UsageError: One does not exist.
    """
    for stack in stacks:
        if stack not in fleet.stacks:
            raise UsageError(f"there is no stack {stack}", where="STACK", allowed=", ".join(sorted(fleet.stacks)))
    return tuple(dict.fromkeys(stacks)) or tuple(sorted(fleet.stacks))


def look(opened: OpenSite, stacks: Sequence[str]) -> list[Survey]:
    """The stacks as their states tell them.

    Raises:
        OutsideError: The backend does not answer.
    """
    found = abreast_or_raise(stacks, lambda stack: survey(stack, EngineStack(opened.site, stack).state()))
    return list(found.values())


def up_now(opened: OpenSite, fleet: Fleet) -> dict[str, Survey]:
    """The stacks that export an inventory; of others, an archive or half a stack may be there all the same."""
    there = sorted(deployed(opened.site) & set(fleet.stacks))
    return {each.stack: each for each in look(opened, there) if each.inventory is not None}


def settled(there: Mapping[str, Survey]) -> frozenset[str]:
    """Those of the stacks that are up and have settled once."""
    return frozenset(stack for stack, each in there.items() if (each.inventory or {}).get("settled"))


def start(order: Order, fleet: Fleet, store: Store) -> Journal:
    """A new deployment run."""
    name = next(iter(fleet.stacks.values())).fleet
    arguments = order.arguments() | {"fleet": name, "who": getpass.getuser()}
    return begin(store, RealClock(), order.goal.value, arguments)


def carry_out(journal: Journal, store: Store, opened: OpenSite, told: Timeline, *, take_over: bool = False) -> Result:
    """Run a deployment until it ends; engines that still run are waited for, whatever happens.

    Raises:
        HeldByAnotherError: Somebody else deploys this fleet.
    """
    history = History(journal.records)
    clock = RealClock()
    order = Order.read(history.kind, history.arguments)
    deployment = Deployment(
        opened.site,
        order,
        inventories=Inventories(store, is_lab=order.is_lab),
        health=_health(opened),
        finder=finder_of(opened),
    )
    try:
        lease = Lease(store, service_of(journal), clock, LEASE_TTL_S)
        return drive(deployment, journal, lease, store=store, clock=clock, listener=told.hear, take_over=take_over)
    except Stopped:
        cli().interrupt()
        raise
    finally:
        for step in deployment.busy():
            told.tell(f"{step}: still running; waiting for the engine, which would leave its stack locked")
        deployment.close()


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool) -> Result:
    """Go on with a deployment where it stands (`runbooks.kinds.Kind.resume`)."""
    refuse_without_store(journal, leap)
    with open_site(lab=bool(History(journal.records).arguments["lab"])) as opened, timeline() as told:
        result = carry_out(journal, store, opened, told, take_over=take_over)
        if result.ending is not Ending.RESTORED:
            conclude(journal, result)
            tell(journal, opened, as_json=as_json)
    return result


def service_of(journal: Journal) -> str:
    """Whose lease a deployment acts under: its fleet's; two may not deploy one fleet at once."""
    arguments = History(journal.records).arguments
    return service(str(arguments["fleet"]), is_lab=bool(arguments["lab"]))


def service(fleet: str, *, is_lab: bool) -> str:
    """The name of a fleet's lease."""
    return f"{'lab-' if is_lab else ''}fleet-{fleet}"


def latest(store: Store, fleet: str, *, is_lab: bool) -> str | None:
    """The last deployment of a fleet; None: there was none."""
    for journal in readable(store, RealClock()):
        if History(journal.records).kind in set(Goal) and service_of(journal) == service(fleet, is_lab=is_lab):
            return journal.run
    return None


def conclude(journal: Journal, result: Result) -> None:
    """Raise unless the run reached its goal.

    Raises:
        AuropsError: A stack failed: with the exit code of its failure.
        HeldError: A person or a gate stopped the run.
    """
    if result.ending is Ending.DONE:
        return
    history = History(journal.records)
    failed = history.failed
    again = f"aurops runs resume {journal.run}"
    if bare := lifted(history):
        again += f"; or back: aurops up {' '.join(bare)}, for the protection of {', '.join(bare)} is lifted"
    if not failed:
        raise HeldError(
            f"the run ended as {result.ending.value}: {result.why or 'what is up stays up'}",
            where=f"run {journal.run}",
            next_step=f"aurops runs show {journal.run}; {again}",
        )
    codes = {int(history.results[step].get("exit_code", ExitCode.BUG)) for step in failed}
    kind: type[AuropsError] = UsageError if codes == {ExitCode.USAGE} else OutsideError
    if ExitCode.BUG in codes:
        kind, again = StepBugError, f"report it, with the output of `aurops runs show {journal.run}`; then {again}"
    raise kind(
        "\n".join(f"{step} failed: {why}" for step, why in failed.items()), where=f"run {journal.run}", next_step=again
    )


def _health(opened: OpenSite) -> HealthCheck:
    return ServiceHealth() if opened.lab is None else LabHealth(opened.lab)


@dataclass(frozen=True)
class LabHealth:
    """The gate in the lab.

    Args:
        lab: The session.
    """

    lab: LabSession

    def look(self, inventory: Inventory) -> Health:
        """Whether what the inventory names exists; nothing is asked over a network."""
        from testbeds.lab.health import missing  # noqa: PLC0415 (only --lab needs it)

        lacking = missing(self.lab.world, inventory)
        return Health(not lacking, f"missing in the lab: {', '.join(lacking)}" if lacking else "exists in the lab")


def tell(journal: Journal, opened: OpenSite, *, as_json: bool) -> None:
    """Say what a deployment that reached its goal did with each stack, or, having destroyed them, what stays."""
    history = History(journal.records)
    order = Order.read(history.kind, history.arguments)
    document: dict[str, object] = {"run": journal.run, "stacks": (done := rows(order, history))}
    lines = [f"{row['stack']:<22} {row['told']}" for row in done]
    if order.goal is Goal.DESTROY:
        left = look(opened, sorted(stack for wave in order.waves for stack in wave))
        stay = [each for found in left for each in found.resources if each.holds_data]
        document["stays"] = [each.id for each in stay]
        lines = [f"stays    {each.type:<28} {each.id}" for each in stay]
    typer.echo(json.dumps(document) if as_json else "\n".join([*lines, f"done: run {journal.run}"]))


def rows(order: Order, history: History) -> list[dict[str, Json]]:
    """What the run did with each stack, in the order of the waves."""
    found: list[dict[str, Json]] = []
    for stack in (stack for wave in order.waves for stack in wave):
        data = history.results.get(f"{order.goal.value} {stack}", {})
        counts = data.get("counts", {})
        told = ", ".join(f"{count} {op}" for op, count in counts.items())
        found.append({"stack": stack, "counts": counts, "seconds": data.get("seconds"), "told": told or "nothing"})
    return found
