"""`aurops doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from aurops.errors import AnswerIsNoError, AuropsError
from aurops.store import default_store_url, open_store
from failover.faults import FAULTS
from failover.targets.local import TRIED
from runbooks import sites

ANSWER_S = 10.0
"""How long a program may take to say its version, seconds."""

app = typer.Typer(name="doctor", add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: What.
        ok: Whether it is there and usable.
        detail: Version and place, or what is wrong.
        next_step: How to get it; empty when it is there.
        needed: Whether a local drill needs it.
    """

    name: str
    ok: bool
    detail: str
    next_step: str = ""
    needed: bool = True


def pulumi_cli() -> str | None:
    """The version of the Pulumi CLI that commands would use; None when there is none that answers."""
    program = sites.pulumi_cli()
    if program is None:
        return None
    try:
        asked = subprocess.run([program, "version"], capture_output=True, text=True, check=True, timeout=ANSWER_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None


def examine() -> list[Finding]:
    """Look at everything; never raises for what is missing."""
    return [*_components(), _store(), _pulumi(), *_targets(), *_faults()]


def _components() -> list[Finding]:
    from testbeds.local import components  # noqa: PLC0415 (only doctor looks)

    findings = []
    for look in (components.postgres, components.valkey, components.envoy):
        try:
            found = look()
            findings.append(Finding(look.__name__, ok=True, detail=str(found.version)))
        except AuropsError as error:
            findings.append(Finding(look.__name__, ok=False, detail=error.what, next_step=error.next_step or ""))
    return findings


def _store() -> Finding:
    url = default_store_url()
    try:
        open_store(url).keys("halt")
    except AuropsError as error:
        return Finding("store", ok=False, detail=error.what, next_step=error.next_step or "")
    return Finding("store", ok=True, detail=url)


def _pulumi() -> Finding:
    version = pulumi_cli()
    step = "https://www.pulumi.com/docs/install/ ; a local drill does not need it"
    program = sites.pulumi_cli()
    lacking = "not found" if program is None else f"{program} does not run, or does not say its version"
    return Finding("pulumi", version is not None, version or lacking, "" if version else step, needed=False)


def _faults() -> list[Finding]:
    """Which faults this user can do to a local bed, all of the possible ones in one line."""
    from testbeds.local.mechanisms import lacking  # noqa: PLC0415 (only doctor looks)

    missing = {name: why for name in FAULTS if (why := lacking(name))}
    possible = ", ".join(name for name in FAULTS if name not in missing)
    return [
        Finding("faults", ok=True, detail=possible, needed=False),
        *(
            Finding(f"fault {name}", ok=False, detail=why, next_step=FAULTS[name].rights, needed=False)
            for name, why in missing.items()
        ),
    ]


def _targets() -> list[Finding]:
    """How far each was ever tried for real."""
    return [
        Finding("local", ok=True, detail=f"target: {TRIED}", needed=False),
        Finding("aws", ok=True, detail="stacks: up in the lab; never run against an account", needed=False),
    ]


@app.command()
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what this machine has, what is missing, and how to get it."""
    findings = examine()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    for finding in [] if as_json else findings:
        typer.echo(f"{'ok     ' if finding.ok else 'missing'}  {finding.name:<10} {finding.detail}")
        if finding.next_step:
            typer.echo(f"         next: {finding.next_step}")
    lacking = [finding.name for finding in findings if finding.needed and not finding.ok]
    if lacking:
        raise AnswerIsNoError(f"a local drill cannot run here: {', '.join(lacking)} missing")
