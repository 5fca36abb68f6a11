"""`aurops rollback`: back to V10, at once, by what lies ready on this host; no approval, no store, no database."""

from __future__ import annotations

import getpass
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import AuropsError, OutsideError
from aurops.journal import RecordKind
from aurops.ports import not_connected
from failover.break_glass import local_store
from migration import rollback as back
from traffic.dialects import open_driver

if TYPE_CHECKING:
    from aurops.journal import Journal
    from aurops.plan import Json
    from migration.rollback import Back, Ready
    from traffic.driver import Driver

app = typer.Typer(name="rollback", add_completion=False, rich_markup_mode=None)

Service = Annotated[str, typer.Argument(metavar="[SERVICE]", help="Which service; else the only one here.")]
Reason = Annotated[str, typer.Option(help="Why; every proxy's latch says it.")]
File = Annotated[Path | None, typer.Option("--file", help="What lies ready, else found by SERVICE: rollback.json.")]
Force = Annotated[bool, typer.Option("--force", help="Also to a V10 that is dead or takes no writes any more.")]
Within = Annotated[float, typer.Option("--within", help="Seconds until V11's counters must stand still.", min=0.5)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def rollback(
    service: Service = "",
    *,
    reason: Reason,
    file: File = None,
    force: Force = False,
    within_s: Within = 10.0,
    as_json: AsJson = False,
) -> None:
    """Send all traffic back to V10 at every proxy, now, and latch it there.

    It asks nobody. Done when the proxies' counters show that V11 gets nothing more. Traffic goes forward again only by
    a new plan: aurops cutover release.
    """
    clock, ready = RealClock(), back.read(file or back.find(service))
    drivers, unread = open_drivers(ready)
    if not force:
        back.refuse_worse(back.worse(ready, drivers))
    told = _spool(ready, reason)
    found = [*back.roll_back(drivers, reason, _who(), clock, within_s=within_s), *unread]
    lacking = _lacking()
    run = _conclude(told, found)
    typer.echo(_as_json(run, found, lacking) if as_json else _as_text(run, found, lacking))
    if bad := [each for each in found if not each.ok]:
        raise OutsideError(
            "not every proxy was rolled back: " + "; ".join(f"{each.proxy}: {each.why}" for each in bad),
            next_step="mend what it names and do it again; the latches of the others hold",
        )


def open_drivers(ready: Ready) -> tuple[dict[str, Driver], list[Back]]:
    """The drivers that can be opened, and the proxies of which that cannot be done; one hinders no other."""
    drivers: dict[str, Driver] = {}
    unread: list[Back] = []
    for proxy in ready.proxies:
        try:
            site, remark = back.site_of(proxy)
            drivers[proxy.name] = open_driver(site)
        except AuropsError as error:
            unread.append(back.Back(proxy.name, ok=False, took_s=0.0, why=f"{error.what} ({error.where})"))
            continue
        if remark:
            _warn(remark)
    return drivers, unread


def _spool(ready: Ready, reason: str) -> Journal | None:
    """The record of it, in a folder of this machine; without one it goes on all the same."""
    try:
        from aurops.execution import begin  # noqa: PLC0415 (only who gets so far)

        about: dict[str, Json] = {"service": ready.service, "after": ready.run, "reason": reason}
        return begin(local_store(), RealClock(), "rollback", about | {"who": _who()})
    except (AuropsError, OSError) as error:
        _warn(f"no record can be kept: {error}")
        return None


def _who() -> str:
    """Who is at the keyboard; a user whom this host does not know can roll back, too."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError up to Python 3.12
        return f"uid {os.getuid()}"


def _conclude(told: Journal | None, found: list[Back]) -> str:
    if told is None:
        return ""
    with suppress(AuropsError, OSError):
        for each in found:
            outcome = "done" if each.ok else "failed"
            told.append(RecordKind.RESULT, {"step": f"roll back {each.proxy}", "outcome": outcome, **each.data()})
        told.append(RecordKind.FINISHED, {"outcome": "done" if all(each.ok for each in found) else "failed"})
    return told.run


def _lacking() -> str:
    """The acknowledged V11 writes that V10 does not have, as far as the port knows."""
    seen = not_connected(RealClock()).unsynced.unsynced(1.0)
    if seen.value is None:
        return f"not known: {seen.why_unknown}"
    return f"{seen.value.count}: {', '.join(seen.value.some)}" if seen.value.count else "none"


def _as_json(run: str, found: list[Back], lacking: str) -> str:
    ok = all(each.ok for each in found)
    return json.dumps({"run": run, "ok": ok, "proxies": [each.data() for each in found], "not_in_v10": lacking})


def _as_text(run: str, found: list[Back], lacking: str) -> str:
    lines = [
        f"{each.proxy}: {'all traffic at V10, V11 idle' if each.ok else 'NOT rolled back'} after {each.took_s:.2f} s"
        + (f" ({each.why})" if each.why else "")
        for each in found
    ]
    lines.append(f"acknowledged V11 writes that V10 does not have: {lacking}")
    if run:
        lines.append(f"recorded as run {run} on this host; aurops runs bring-back {run} copies it to the store")
    return "\n".join([*lines, "traffic goes forward again only by a new plan: aurops cutover release FILE"])


def _warn(text: str) -> None:
    with suppress(OSError):
        print(f"aurops: {text}", file=sys.stderr, flush=True)  # noqa: T201 (beside the result)
