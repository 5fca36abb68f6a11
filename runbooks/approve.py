"""`aurops approve RUN`: sign with an SSH key that a run may go on."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import UsageError
from aurops.gates import approval, signing
from aurops.gates.approving import count
from aurops.gates.spec import ApprovalGate
from aurops.gates.steps import signers_of
from aurops.history import History
from runbooks.gates import AsJson, Run, Stage, open_run, stopped, table, waiting
from runbooks.reasons import refuse_silence
from runbooks.terminal import confirm
from runbooks.words import plain

if TYPE_CHECKING:
    from aurops.gates.approving import Counted
    from aurops.gates.keeper import Spot

app = typer.Typer(name="approve", add_completion=False, rich_markup_mode=None)

Key = Annotated[
    str,
    typer.Option(
        help="The SSH key to sign with, or the public one if an agent holds it; else git's user.signingkey.",
        envvar="AUROPS_SSH_KEY",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Reason = Annotated[str, typer.Option(help="Why; it is signed and journalled.")]


@app.command()
def approve(
    run: Run, *, reason: Reason, stage: Stage = "", key: Key = "", as_json: AsJson = False, yes: Yes = False
) -> None:
    """Sign that a run may go on: this run, its plan, the stage that it waits before, and what it decided so far.

    ssh-keygen signs, as for git. It counts when the plan asks for you and its allowed-signers file has your key.
    """
    refuse_silence(reason, "it is signed and journalled")
    store, journal = open_run(run)
    spot, history, now = waiting(journal, stage), History(journal.records), RealClock().wall()
    gates = asked(spot)
    key = key or git_key()
    typer.echo(_what(spot, history, stopped(journal)), err=True)
    confirm("Sign?", yes=yes)
    said = approval.statement(spot.binding, min(gates, key=lambda gate: gate.valid_for_s), now, reason)
    signature = signing.sign(said.text(), key)
    at, who = now.isoformat(timespec="milliseconds"), getpass.getuser()
    made = approval.Approval(who=who, reason=reason, at=at, statement=said, signature=signature)
    counted = count(made, approval.left(store, run), gates, spot.binding, signers_of(history), now)
    approval.leave(store, made)
    typer.echo(_as_json(spot, counted) if as_json else _as_text(spot, counted))


def asked(spot: Spot) -> tuple[ApprovalGate, ...]:
    """The gates of a spot that ask for people.

    Raises:
        UsageError: None does.
    """
    gates = tuple(gate for gate in spot.gates if isinstance(gate, ApprovalGate))
    if not gates:
        where = f"run {spot.binding.run}, before {spot.stage}"
        raise UsageError("nobody's approval is asked for", where=where, next_step=f"aurops gates {spot.binding.run}")
    return gates


def git_key() -> str:
    """The key that this person signs commits with.

    Raises:
        UsageError: git does not say.
    """
    git = shutil.which("git")
    config = [git, "config", "--type=path", "--get", "user.signingkey"] if git else []
    found = subprocess.run(config, capture_output=True, text=True, check=False).stdout.strip() if git else ""
    if not found or found.startswith(("key::", "ssh-")):
        raise UsageError("no key to sign with", where="--key", next_step="give the file of your SSH key with --key")
    return found


def _what(spot: Spot, history: History, stop: str) -> str:
    """What is signed, for the person who does."""
    bound = spot.binding
    lines = [f"run {bound.run}, before: {spot.stage}", f"  plan       sha256 {bound.goal}"]
    lines += [f"  decided    {name} = {plain(value)}" for name, value in history.decisions.items()]
    lines += ["as the last look found its gates:", table(spot.before.values())]
    return "\n".join([*lines, *([f"it goes nowhere by this alone: {stop}"] if stop else [])])


def _as_json(spot: Spot, counted: Counted) -> str:
    gates = [each.data() for each in counted.findings]
    said = {"run": spot.binding.run, "stage": spot.stage, "who": counted.who, "key": counted.fingerprint}
    return json.dumps(said | {"gates": gates})


def _as_text(spot: Spot, counted: Counted) -> str:
    lines = [f"approved by {counted.who} (key {counted.fingerprint}): {spot.stage} of run {spot.binding.run}"]
    lines += [f"  {each.gate}: {each.why}" for each in counted.findings]
    return "\n".join([*lines, f"whoever waits goes on by itself; else: aurops runs resume {spot.binding.run}"])
