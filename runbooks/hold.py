"""`aurops hold RUN`, `aurops release RUN`: keep the gates of a run shut, and let go."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import OutsideError, UsageError
from aurops.gates import holds
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.webhook import tell_one
from runbooks import kinds
from runbooks.gates import AsJson, Run, open_run, opened_by, waiting
from runbooks.reasons import refuse_silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aurops.errors import AuropsError
    from aurops.gates.keeper import Spot
    from aurops.journal import Journal
    from aurops.store import Store

app = typer.Typer(name="hold", add_completion=False, rich_markup_mode=None)

Reason = Annotated[str, typer.Option(help="Why; it is journalled, and whoever waits is shown it.")]
Gate = Annotated[str, typer.Option(help="The gate of the plan that this opens; `aurops gates RUN` names them.")]
Stage = Annotated[str, typer.Option(help="Only the gates before this stage; else every gate of the run.")]


@app.command()
def hold(run: Run, *, reason: Reason, stage: Stage = "", as_json: AsJson = False) -> None:
    """Keep the gates of a run shut until `aurops release`. What is under way between two gates goes on.

    To stop a run before its next stage: `aurops runs pause`. To keep a watch from acting: `aurops watch hold`.
    """
    refuse_silence(reason, "whoever waits is shown it")
    store, journal = open_run(run)
    kinds.refuse_no_gates(journal, stage)
    who = getpass.getuser()
    holds.turn(store, run, on=True, stage=stage, reason=reason, who=who, clock=RealClock())
    text = f"held: {_of(stage)} of run {run} until `aurops release {run}{_option(stage)}`"
    said = {"run": run, "held": {"stage": stage or None}, "who": who, "reason": reason}
    typer.echo(json.dumps(said) if as_json else text)
    _tell_webhook(run, "hold", f"{who} holds {_of(stage)}: {reason}")


def release(run: Run, *, reason: Reason, stage: Stage = "", gate: Gate = "", as_json: AsJson = False) -> None:
    """Let go of what `aurops hold` holds of a run; with --gate open the gate of the plan that waits for a person.

    Without --stage: of the whole run, of the stage that it waits before now, and of the proxies of this host that a
    watcher holds (docs/traffic.md). One that cannot be let go of is named (exit 3); all others are let go of.
    """
    refuse_silence(reason, "whoever waits is shown it")
    store, journal = open_run(run)
    if gate:
        released = _open_gate(store, waiting(journal, stage), gate, reason)
    else:
        released = _let_go(store, journal, stage, reason)
    if text := _as_json(run, released) if as_json else _as_text(run, released):
        typer.echo(text)
    _tell_the_rest(run, released, stage, reason)


@dataclass(frozen=True)
class Released:
    """What became of holds and gates.

    Args:
        stages: What was let go of; empty: the whole run.
        opened: The gate of the plan that was opened; empty: none.
        before: Its stage.
        proxies: What watchers hold.
        opens: What opens the gates that still wait for a person.
    """

    stages: tuple[str, ...] = ()
    opened: str = ""
    before: str = ""
    proxies: kinds.LetGo = field(default_factory=kinds.LetGo)
    opens: tuple[str, ...] = ()


def _open_gate(store: Store, spot: Spot, gate: str, reason: str) -> Released:
    """Open a gate that waits for a person, and no other."""
    run, opens = spot.binding.run, opened_by(spot)
    if gate not in opens:
        what = f"no gate `{gate}` waits for a person"
        allowed = ", ".join(opens) or "no gate here waits for one"
        where = f"run {run}, before {spot.stage}"
        raise UsageError(what, where=where, allowed=allowed, next_step=f"aurops gates {run}")
    who, clock = getpass.getuser(), RealClock()
    holds.turn(store, run, on=False, stage=spot.stage, gate=gate, reason=reason, who=who, clock=clock)
    return Released(opened=gate, before=spot.stage)


def _let_go(store: Store, journal: Journal, stage: str, reason: str) -> Released:
    run = journal.run
    held = _held(store, journal, stage)
    for each in held:
        holds.turn(store, run, on=False, stage=each, reason=reason, who=getpass.getuser(), clock=RealClock())
    proxies = kinds.LetGo() if stage else kinds.release_holds(journal, reason)
    return Released(tuple(held), proxies=proxies, opens=tuple(_opened_by(journal, stage)))


def _as_text(run: str, released: Released) -> str:
    lines = [f"opened: `{released.opened}` before `{released.before}` of run {run}"] if released.opened else []
    if released.stages:
        lines.append(f"released: {' and '.join(map(_of, released.stages))} of run {run}")
    return "\n".join([*lines, *(f"released: {proxy}" for proxy in released.proxies.done)])


def _as_json(run: str, released: Released) -> str:
    proxies = released.proxies
    said: dict[str, object] = {
        "run": run,
        "released": [{"stage": stage or None} for stage in released.stages],
        "proxies_released": proxies.done,
    }
    said["opened"] = {"gate": released.opened, "stage": released.before} if released.opened else None
    left = [{"what": each.what, "where": each.where} for each in proxies.left]
    return json.dumps(said | {"not_released": left, "elsewhere": proxies.elsewhere, "still_wait": released.opens})


def _tell_the_rest(run: str, released: Released, stage: str, reason: str) -> None:
    """The webhook, what only another host can let go of, what still waits.

    Raises:
        OutsideError: Something may still hold.
        UsageError: Nobody held anything.
    """
    who, proxies = getpass.getuser(), released.proxies
    for proxy in proxies.elsewhere:
        typer.echo(f"aurops: {proxy}: what holds it is let go of there: aurops release {run} --reason …", err=True)
    done = ", ".join([*map(_of, released.stages), *proxies.done])
    if done:
        _tell_webhook(run, "release", f"{who} lets go of {done}: {reason}")
    if released.opened:
        _tell_webhook(run, "release", f"{who} opens `{released.opened}` before `{released.before}`: {reason}")
    if proxies.left:
        raise _left(run, proxies.left)
    if not done and not released.opened:
        step = "; ".join(released.opens) or f"aurops gates {run}"
        raise UsageError(f"nobody holds {_of(stage)}", where=f"run {run}", next_step=step)
    for command in released.opens:
        typer.echo(f"aurops: a gate still waits for a person: {command}", err=True)


def _held(store: Store, journal: Journal, stage: str) -> list[str]:
    """The stages of which a person can let go (empty: all of the run)."""
    stages = [stage] if stage else ["", *_here(journal)]
    given = holds.turns(store, journal.run)
    return [each for each in stages if any(turn.on and turn.stage == each for turn in holds.holding(given, each))]


def _left(run: str, errors: Sequence[AuropsError]) -> OutsideError:
    """What may still hold, in one error."""
    again = f"then again: aurops release {run} --reason …"
    if len(errors) == 1:
        error = errors[0]
        step = f"{(error.next_step or 'mend that').removesuffix('.')}; {again}"
        return OutsideError(error.what, where=error.where, allowed=error.allowed, next_step=step)
    steps = (f": {each.next_step}" if each.next_step else "" for each in errors)
    listed = "".join(f"\n  - {each.what} ({each.where}){step}" for each, step in zip(errors, steps, strict=True))
    what = f"{len(errors)} proxies are not known to be let go of:{listed}"
    return OutsideError(what, where=f"run {run}", next_step=f"mend each; {again}")


def _tell_webhook(run: str, kind: str, text: str) -> None:
    at = RealClock().wall().isoformat(timespec="milliseconds")
    tell_one({"run": run, "kind": kind, "at": at, "text": text}, lambda why: typer.echo(f"aurops: {why}", err=True))


def _here(journal: Journal) -> list[str]:
    """The stage that the run waits before."""
    spot = waits_at(journal.records, History(journal.records))
    return [spot.stage] if spot else []


def _opened_by(journal: Journal, stage: str) -> list[str]:
    """What opens the gates that wait for a person now."""
    spot = waits_at(journal.records, History(journal.records))
    return list(opened_by(spot).values()) if spot and stage in ("", spot.stage) else []


def _of(stage: str) -> str:
    return f"the gates before `{stage}`" if stage else "every gate"


def _option(stage: str) -> str:
    return f' --stage "{stage}"' if stage else ""
