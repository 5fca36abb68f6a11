"""`aurops rollback`: back to V10, at once, by what lies ready on this host; no approval, no store, no database."""

from __future__ import annotations

import getpass
import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.calls import CallPool
from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, AuropsError
from aurops.journal import RecordKind
from aurops.ports import not_connected
from aurops.store import state_folder
from failover.break_glass import local_store
from migration import far, fitness
from migration import rollback as back
from migration.hosts import here
from migration.rollback import NOT_IN_V10
from runbooks.reasons import refuse_silence
from traffic.dialects import open_driver

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aurops.plan import Json
    from migration.rollback import Back, Ready
    from traffic.driver import Driver

app = typer.Typer(name="rollback", add_completion=False, rich_markup_mode=None)

Service = Annotated[str, typer.Argument(metavar="[SERVICE]", help="Which service; else the only one here.")]
Reason = Annotated[str, typer.Option(help="Why; every proxy's latch says it.")]
Check = Annotated[bool, typer.Option("--check", help="Only see whether every proxy could be rolled back from here.")]
Lay = Annotated[bool, typer.Option("--lay", hidden=True, help="Write what comes on stdin here: a cutover does so.")]
Rehearsal = Annotated[bool, typer.Option(hidden=True, help="A cutover's rehearsal: whoever asked lets go again.")]
AskedBy = Annotated[str, typer.Option(hidden=True, help="Asked from another host, by him: only this host's proxies.")]
File = Annotated[Path | None, typer.Option("--file", help="What lies ready, else found by SERVICE: rollback.json.")]
Force = Annotated[bool, typer.Option("--force", help="Also to a V10 that is dead or takes no writes any more.")]
Only = Annotated[list[str] | None, typer.Option("--proxy", help="Only this proxy; may be given again.")]
Within = Annotated[float, typer.Option("--within", help="Seconds until V11's counters must stand still.", min=0.5)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RECORD_S = 2.0
"""So long the end of the command waits for its record."""
LACKING_S = 2.0
"""So long it waits for what the port knows of writes that V10 lacks."""


@app.command()
def rollback(  # noqa: PLR0913 (each an option)
    service: Service = "",
    *,
    reason: Reason = "",
    file: File = None,
    only: Only = None,
    check: Check = False,
    lay: Lay = False,
    rehearsal: Rehearsal = False,
    asked_by: AskedBy = "",
    force: Force = False,
    within_s: Within = 10.0,
    as_json: AsJson = False,
) -> None:
    """Send all traffic back to V10 at every proxy, on every host, now, and latch it there.

    It asks nobody. Done when the proxies' counters show that V11 gets nothing more. Traffic goes forward again only by
    a new plan: aurops cutover release.
    """
    if lay:
        typer.echo(json.dumps(_lay(only or [])))
        return
    found_at = file or back.find(service)
    if check:
        _check(found_at, only or [], as_json=as_json, asked=bool(asked_by))
        return
    refuse_silence(reason, "every latch says it")
    began, ready = RealClock().wall(), back.only(back.beside(back.read(found_at), found_at), only or [])
    kind = Asked(by=asked_by, force=force, rehearsal=rehearsal)
    found = _roll_back(ready, reason, within_s, kind)
    lacking = "not asked here" if kind.quiet else _lacking()
    run = "" if kind.quiet else _recorded(ready, reason, found, began, lacking)
    typer.echo(_as_json(run, found, lacking) if as_json else _as_text(run, found, lacking))
    if not kind.quiet:
        _tell_webhook(ready, reason, found)
    back.refuse_unfinished(found)


def _lay(names: list[str]) -> dict[str, str]:
    """Write what comes on stdin into this user's folder, and beside the proxies named."""
    ready = back.parse(sys.stdin.read())
    beside = [proxy.folder for proxy in back.only(ready, names).proxies] if names else []
    return back.lay(ready, (*beside, back.home(ready.service)))


def _check(file: Path, names: list[str], *, as_json: bool, asked: bool) -> None:
    """Whether every proxy could be rolled back from here; asked by another host only those of this one.

    Raises:
        AnswerIsNoError: One could not.
    """
    ready, digest = back.only(back.beside(back.read(file), file), names), back.digest(file)
    found = far.check_here(ready) if asked else far.check(ready, digest)
    lines = [f"{each.proxy} on {each.host}: {'ready' if each.ok else f'NOT READY: {each.why}'}" for each in found]
    if past := fitness.past(ready):
        lines.append(f"{past}; a rollback leaves every proxy alone, but for --force")
    typer.echo(far.as_json(found, digest, past) if as_json else "\n".join(lines))
    if bad := [each for each in found if not each.ok]:
        why = "; ".join(f"{each.proxy} on {each.host}: {each.why}" for each in bad)
        raise AnswerIsNoError(f"from here not every proxy could be rolled back: {why}", where=str(file))


@dataclass(frozen=True)
class Asked:
    """How a rollback is meant.

    Args:
        by: Who asked from another host, which reaches the others itself; empty: somebody here.
        force: Also where it would make things worse.
        rehearsal: Only to see whether it works.
    """

    by: str
    force: bool
    rehearsal: bool

    @property
    def quiet(self) -> bool:
        """Whether somebody else keeps the record and tells people."""
        return bool(self.by) or self.rehearsal

    @property
    def options(self) -> list[str]:
        """The same, for another host."""
        return [*(["--force"] if self.force else []), *(["--rehearsal"] if self.rehearsal else [])]


def _roll_back(ready: Ready, reason: str, within_s: float, kind: Asked) -> list[Back]:
    """What became of every proxy, in the file's order; other hosts are asked meanwhile."""
    mine, others = (ready, {}) if kind.by else far.apart(ready)
    who, tell = kind.by or _who(), _teller(kind, within_s)
    with CallPool(1, "far") as pool:
        by = f"{who} on {here()}"
        asked = pool.submit(far.roll_back, others, reason, by, within_s=within_s, more=kind.options, tell=tell)
        drivers, unread, remarks = open_drivers(mine)
        done = back.roll_back(
            drivers,
            reason,
            who,
            RealClock(),
            within_s=within_s,
            rehearsal=kind.rehearsal,
            refusal=(lambda *_: None) if kind.force else partial(fitness.refusal, mine),
            tell=tell,
        )
    found = {each.proxy: each for each in (*done, *unread, *asked.result())}
    for name, remark in remarks.items():
        found[name] = replace(found[name], why="; ".join(filter(None, (found[name].why, remark))))
    return [found[proxy.name] for proxy in ready.proxies]


def open_drivers(ready: Ready) -> tuple[dict[str, Driver], list[Back], dict[str, str]]:
    """The drivers that can be opened, the proxies of which that cannot be done, and what is odd about the others."""
    drivers: dict[str, Driver] = {}
    unread: list[Back] = []
    remarks: dict[str, str] = {}
    for proxy in ready.proxies:
        try:
            site, remark = back.site_of(proxy)
            drivers[proxy.name] = open_driver(site)
        except AuropsError as error:
            unread.append(back.Back(proxy.name, ok=False, took_s=0.0, why=f"{error.what} ({error.where})"))
            continue
        if remark:
            remarks[proxy.name] = remark
    return drivers, unread, remarks


def _who() -> str:
    """Who is at the keyboard; a user whom this host does not know can roll back, too."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError up to Python 3.12
        return f"uid {os.getuid()}"


def _recorded(ready: Ready, reason: str, found: list[Back], began: datetime, lacking: str) -> str:
    """The id of the run that records it in a folder of this machine; empty when there is none, or not in time.

    A home that hangs (NFS) or a full disk has hindered nothing by now, and nobody waits for it for long.
    """
    try:
        return _within(RECORD_S, lambda: _write(ready, reason, found, began, lacking))
    except TimeoutError:
        _warn(f"no record within {RECORD_S:g} s: {state_folder()} hangs; the latches say who, when and why")
        return ""


def _within(limit_s: float, act: Callable[[], str]) -> str:
    """What that gives; what has not ended by then is left alone, by the end of the command, too.

    Raises:
        TimeoutError: It has not.
    """
    given: list[str] = []
    acting = threading.Thread(target=lambda: given.append(act()), daemon=True)
    acting.start()
    acting.join(limit_s)
    if acting.is_alive():
        raise TimeoutError
    return given[0] if given else ""


def _write(ready: Ready, reason: str, found: list[Back], began: datetime, lacking: str) -> str:
    try:
        from aurops.execution import begin  # noqa: PLC0415 (only who gets so far)

        about: dict[str, Json] = {"service": ready.service, "after": ready.run, "reason": reason, "who": _who()}
        about |= {"host": here()}
        told = begin(local_store(), RealClock(), "rollback", about | {"began": began.isoformat()})
        for each in found:
            outcome = "done" if each.ok else "failed"
            told.append(RecordKind.RESULT, {"step": f"roll back {each.proxy}", "outcome": outcome, **each.data()})
        outcome = "done" if all(each.ok for each in found) else "failed"
        told.append(RecordKind.FINISHED, {"outcome": outcome, NOT_IN_V10: lacking})
    except (AuropsError, OSError) as error:
        _warn(f"no record can be kept: {error}")
        return ""
    return told.run


def _tell_webhook(ready: Ready, reason: str, found: list[Back]) -> None:
    """When all is done and said: a receiver that hangs has delayed nothing."""
    from aurops.webhook import tell_one  # noqa: PLC0415 (only who gets so far)

    done = "; ".join(f"{each.proxy}: {'all at V10' if each.ok else f'NOT rolled back: {each.why}'}" for each in found)
    about = {"service": ready.service, "run": ready.run, "at": RealClock().wall().isoformat(timespec="milliseconds")}
    tell_one(about | {"kind": "rollback", "text": f"{_who()} rolled back: {reason}; {done}"}, _warn)


def _lacking() -> str:
    """The acknowledged V11 writes that V10 does not have, as far as the port says within `LACKING_S`.

    Everything is back at V10 by now: a port that fails or hangs keeps nobody from hearing so.
    """
    try:
        return _within(LACKING_S, _asked_of_port)
    except TimeoutError:
        return f"not known: the port `unsynced` has not answered within {LACKING_S:g} s"


def _asked_of_port() -> str:
    try:
        seen = not_connected(RealClock()).unsynced.unsynced(LACKING_S / 2)
    except Exception as error:  # noqa: BLE001 (whatever it is, the rollback is done, and that is to be said)
        why = error.what if isinstance(error, AuropsError) else f"{type(error).__name__}: {error}"
        return f"not known: the port `unsynced` failed: {why}"
    if seen.value is None:
        return f"not known: {seen.why_unknown}"
    if not seen.value.count:
        return "none"
    more = " …" if seen.value.count > len(seen.value.some) else ""
    return f"{seen.value.count}, the oldest {seen.value.oldest_s:.0f} s old: {', '.join(seen.value.some)}{more}"


def _as_json(run: str, found: list[Back], lacking: str) -> str:
    ok = all(each.ok for each in found)
    return json.dumps({"run": run, "ok": ok, "proxies": [each.data() for each in found], NOT_IN_V10: lacking})


def _as_text(run: str, found: list[Back], lacking: str) -> str:
    lines = [f"{each.proxy}: {_became(each)}" + (f" ({each.why})" if each.why else "") for each in found]
    lines.append(f"acknowledged V11 writes that V10 does not have: {lacking}")
    if run:
        lines.append(f"recorded as run {run} on this host; aurops runs bring-back {run} copies it to the store")
    if not all(each.refused for each in found):
        lines.append("traffic goes forward again only by a new plan: aurops cutover release FILE")
    return "\n".join(lines)


def _became(each: Back) -> str:
    if each.ok:
        return f"all traffic at V10, V11 idle after {each.took_s:.2f} s"
    if each.written:
        return "NOT KNOWN to be rolled back: it is latched, and starts with everything at V10 if it is down"
    return "LEFT ALONE" if each.refused else "NOT rolled back"


def _teller(kind: Asked, within_s: float) -> Callable[[Back], None]:
    """Who hears that a proxy is only waited for: whoever watches, here or where it was asked; of a rehearsal nobody."""
    if kind.rehearsal:
        return lambda _: None
    return (lambda each: _print(far.early_line(each))) if kind.by else partial(_tell_early, within_s=within_s)


def _tell_early(each: Back, *, within_s: float) -> None:
    """Whoever watches should not take what hangs at a dead V11 for a rollback that hangs."""
    waits = f"waiting for them up to --within {within_s:g} s"
    _warn(f"{each.proxy}: V11 got its last new request after {each.took_s:.2f} s; {each.why}: {waits}")


def _warn(text: str) -> None:
    _print(f"aurops: {text}")


def _print(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201 (beside the result)
