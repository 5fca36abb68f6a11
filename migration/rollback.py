"""Back to V10, at once: by what was laid ready beside the proxies, and by nothing else.

It needs no store, no database, no approval, no Pulumi: a file that names the proxies, their folders, and their own
interfaces on loopback. It is done when the proxies' counters show that V11 gets nothing any more, not when a file is
written. It leaves a latch on every proxy: traffic goes forward again only by a new plan (`aurops cutover release`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aurops import documents
from aurops.calls import CallPool
from aurops.errors import AuropsError, HeldError, OutsideError, UsageError
from aurops.files import write_durably
from aurops.plan import CallUnknownError, StaleEpochError
from aurops.store import state_folder
from migration.hosts import Host
from migration.model import NEW
from traffic.driver import UnheardError
from traffic.folder import READABLE
from traffic.site import Kind, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aurops.clock import Clock
    from aurops.plan import Json
    from traffic.driver import Driver

FILE = "rollback.json"
NOT_IN_V10 = "not_in_v10"
"""In what a rollback says and records: the acknowledged V11 writes that V10 does not have, in words."""
STILL_S = 0.25
"""So long V11's counter of requests must stand still."""
_POLL_S = 0.02


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ReadyProxy(_Part):
    """A proxy that can be rolled back.

    Args:
        name: Its name.
        host: Where it is, as that host calls itself; empty: wherever this file lies.
        driver: What steers it.
        site: The file that describes it, on its own host.
        folder: What a rollback moves, and its latch, on its own host.
        digest: SHA-256 of the site's file when this was written.
        epoch: Of what was in effect then; a rollback's is above it.
    """

    name: str
    host: str = ""
    driver: Kind
    site: Path
    folder: Path
    digest: str
    epoch: int = 0


class Ready(_Part):
    """What a rollback needs to know; no secret is in it.

    Args:
        service: Which service.
        run: The cutover that laid it ready.
        at: When, in UTC, for people.
        proxies: All of them.
        hosts: How proxies' and operators' hosts are reached; one that is not named: by its name.
        operators: The hosts from which people roll back.
        over: Why there is no way back any more; empty while there is.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    service: str
    run: str
    at: str
    proxies: tuple[ReadyProxy, ...]
    hosts: tuple[Host, ...] = ()
    operators: tuple[str, ...] = ()
    over: str = ""

    def host(self, name: str) -> Host:
        """How a host is reached."""
        return next((host for host in self.hosts if host.name == name), Host(name=name))

    def text(self) -> str:
        """As it is written."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


@dataclass(frozen=True)
class Places:
    """Where proxies are, and from where people roll back.

    Args:
        of: Each proxy's host; of one that is not named nobody knows more than that it is here.
        hosts: How they are reached.
        operators: The operators'.
    """

    of: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[Host, ...] = ()
    operators: tuple[str, ...] = ()


def ready(
    service: str,
    run: str,
    sites: Mapping[str, str],
    clock: Clock,
    places: Places = Places(),
    epochs: Mapping[str, int] | None = None,
) -> Ready:
    """What a rollback of these proxies needs.

    Args:
        service: Which service.
        run: The cutover that lays it ready.
        sites: Each proxy's file.
        clock: Time.
        places: Where they are.
        epochs: What each obeys.

    Raises:
        UsageError: A site's file cannot be read.
    """
    proxies = tuple(
        ReadyProxy(
            name=name,
            host=places.of.get(name, ""),
            driver=site.kind,
            site=Path(path),
            folder=site.folder,
            digest=digest(Path(path)),
            epoch=(epochs or {}).get(name, 0),
        )
        for name, path in sites.items()
        for site in (documents.load(Path(path), Site),)
    )
    return Ready(
        service=service,
        run=run,
        at=clock.wall().isoformat(timespec="seconds"),
        proxies=proxies,
        hosts=places.hosts,
        operators=places.operators,
    )


def digest(file: Path) -> str:
    """SHA-256 of a file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as cause:
        raise UsageError(f"the file cannot be read: {cause.strerror}", where=str(file)) from cause


def lay(made: Ready, folders: tuple[Path, ...]) -> dict[str, str]:
    """Write it into these folders, for good; each file with the digest of what was read back.

    Raises:
        OSError: One cannot be written.
    """
    written = {}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / FILE, made.text(), mode=READABLE)
        written[str(folder / FILE)] = digest(folder / FILE)
    return written


def home(service: str) -> Path:
    """The folder of this user for what a service's rollback needs."""
    return state_folder() / "rollback" / service


def find(service: str) -> Path:
    """What lies ready on this host for a service; empty: for the only one.

    Raises:
        UsageError: Nothing does, or several services have something.
    """
    if service:
        wanted = home(service) / FILE
        if wanted.is_file():
            return wanted
    found = sorted(home("").glob(f"*/{FILE}"))
    if not service and len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            "nothing lies ready on this host",
            where=str(home(service) / FILE) if service else str(home("") / "SERVICE" / FILE),
            next_step="ssh to one of the plan's operator_hosts, or to a proxy's own host, and do it there; "
            f"or --file FILE: it is {FILE} in every proxy's folder, too",
        )
    there = ", ".join(file.parent.name for file in found)
    what = f"nothing lies ready here for `{service}`" if service else "which service is not said"
    raise UsageError(
        what, where=str(home("")), allowed=there, next_step=f"--file FILE: it is {FILE} in every proxy's folder, too"
    )


@dataclass(frozen=True)
class Back:
    """What a rollback did with one proxy.

    Args:
        proxy: Its name.
        ok: All of its traffic goes to V10, and nothing new reaches V11.
        took_s: From the begin of the rollback to V11's last new request, as the proxy counts; seconds.
        left: Requests and WebSockets that are still under way at V11.
        why: What went wrong, or is worth to know.
        written: It is latched, and its file says everything to V10: it starts with that if it is down.
        refused: Nothing was done: it would make things worse, or is a rehearsal that would move traffic.
        next_step: What a person does about that.
        waited_s: So long after V11's last new request what was left there was waited for; seconds.
    """

    proxy: str
    ok: bool
    took_s: float
    left: int = 0
    why: str = ""
    written: bool = False
    refused: bool = False
    next_step: str = ""
    waited_s: float = 0.0

    def data(self) -> dict[str, Json]:
        """For the journal and `--json`."""
        said: dict[str, Json] = {"proxy": self.proxy, "ok": self.ok, "took_s": round(self.took_s, 3)}
        said |= {"left": self.left, "why": self.why, "written": self.written, "refused": self.refused}
        said |= {"waited_s": round(self.waited_s, 3)}
        return said | ({"next_step": self.next_step} if self.next_step else {})


def read(file: Path) -> Ready:
    """What lies ready in a file.

    Raises:
        UsageError: It cannot be read.
    """
    return documents.load(file, Ready)


def parse(text: str) -> Ready:
    """What lies ready, from its text.

    Raises:
        UsageError: It is not such a text.
    """
    try:
        return Ready.model_validate_json(text)
    except ValidationError as cause:
        raise UsageError(f"this is no {FILE}: {cause.errors()[0]['msg']}", where="stdin") from cause


def only(made: Ready, names: Sequence[str]) -> Ready:
    """The same with just these proxies; without names with all.

    Raises:
        UsageError: There is none of a name.
    """
    if unknown := sorted(set(names) - {proxy.name for proxy in made.proxies}):
        there = ", ".join(proxy.name for proxy in made.proxies)
        raise UsageError(f"there is no proxy {', '.join(unknown)}", where="--proxy", allowed=there)
    return made.model_copy(update={"proxies": tuple(p for p in made.proxies if not names or p.name in names)})


def beside(made: Ready, file: Path) -> Ready:
    """The same, where a proxy in whose own folder the file was read is on this host, whatever that is called.

    Whoever stands at the proxy needs no name to be right, and no way to himself.
    """
    folder = file.absolute().parent
    proxies = (proxy.model_copy(update={"host": ""}) if proxy.folder == folder else proxy for proxy in made.proxies)
    return made.model_copy(update={"proxies": tuple(proxies)})


def site_of(proxy: ReadyProxy) -> tuple[Site, str]:
    """A proxy's site, and a remark when its file is another than when this was laid ready.

    Raises:
        UsageError: It cannot be read.
    """
    changed = digest(proxy.site) != proxy.digest
    remark = f"{proxy.site} was changed since the rollback was laid ready" if changed else ""
    return documents.load(proxy.site, Site), remark


def refuse_unfinished(found: Sequence[Back]) -> None:
    """Have the command's end say which proxies were not rolled back; silent when all were.

    Raises:
        OutsideError: One could not be.
        HeldError: All others could be, but some were left alone (`Back.refused`).
    """
    if failed := [each for each in found if not each.ok and not each.refused]:
        raise OutsideError(
            "not every proxy was rolled back: "
            + "; ".join(f"{each.proxy}: {each.why}" for each in found if not each.ok),
            next_step=f"mend it and do it again: --proxy {' --proxy '.join(each.proxy for each in failed)}; "
            "the latches of the others hold",
        )
    if refused := [each for each in found if each.refused]:
        raise HeldError(
            "not rolled back: " + "; ".join(f"{each.proxy}: {each.why}" for each in refused),
            next_step="; ".join(dict.fromkeys(each.next_step for each in refused)),
        )


def roll_back(  # noqa: PLR0913 (each of them has one caller that gives it)
    drivers: Mapping[str, Driver],
    reason: str,
    who: str,
    clock: Clock,
    *,
    within_s: float,
    rehearsal: bool = False,
    refusal: Callable[[str, Driver], Back | None] = lambda _name, _driver: None,
    tell: Callable[[Back], None] = lambda _back: None,
) -> list[Back]:
    """Every proxy at once; one that fails, or hangs when it is looked at, hinders no other.

    Args:
        drivers: By proxy.
        reason: Why, for people.
        who: Who says so.
        clock: Time.
        within_s: How long V11's counters may take to stand still.
        rehearsal: It is only to see whether it works; whoever asked for it releases its latch.
        refusal: What speaks against going back at a proxy, asked right before, for each by itself.
        tell: Told of a proxy once nothing new reaches V11 through it, when what is left there must be waited for.
    """
    if not drivers:
        return []
    began_s = clock.now_s()
    with CallPool(len(drivers), "rollback") as pool:
        calls = []
        for name, driver in drivers.items():
            back = partial(driver.roll_back, reason, who, rehearsal=rehearsal, anew=not rehearsal)
            look = partial(refusal, name, driver)
            idle = partial(_idle, name, driver, clock, began_s, within_s, tell)
            calls.append(pool.submit(_one, name, look, back, idle, lambda: clock.now_s() - began_s))
    return [call.result() for call in calls]


def _one(
    name: str,
    look: Callable[[], Back | None],
    back: Callable[[], object],
    idle: Callable[[], Back],
    took_s: Callable[[], float],
) -> Back:
    try:
        if refused := look():
            return refused
        back()
    except Exception as error:  # noqa: BLE001 (whatever fails at one proxy hinders no other, and is told)
        return _not_back(name, error, took_s())
    try:
        return idle()
    except Exception as error:  # noqa: BLE001 (it went back: no failed look takes that away again)
        return Back(name, ok=False, took_s=took_s(), why=_said(error), written=True)


def _not_back(name: str, error: Exception, took_s: float) -> Back:
    if isinstance(error, HeldError):
        return Back(name, ok=False, took_s=took_s, why=error.what, refused=True, next_step=error.next_step or "")
    return Back(name, ok=False, took_s=took_s, why=_said(error), written=isinstance(error, UnheardError))


def _said(error: Exception) -> str:
    if isinstance(error, AuropsError) and not isinstance(error, UnheardError):
        return error.what
    known = isinstance(error, (UnheardError, CallUnknownError, StaleEpochError))
    return str(error) if known else f"{type(error).__name__}: {error}"


def _idle(
    name: str, driver: Driver, clock: Clock, began_s: float, within_s: float, tell: Callable[[Back], None]
) -> Back:
    """Wait until V11 gets nothing new, and what it had is answered."""
    still_since_s, before, told = clock.now_s(), -1, False
    while True:
        try:
            flow = driver.observe().flows[NEW]
        except (OutsideError, CallUnknownError) as error:  # a busy proxy misses a look: it is latched all the same
            if clock.now_s() - began_s > within_s:
                return Back(name, ok=False, took_s=clock.now_s() - began_s, why=_said(error), written=True)
            still_since_s = clock.now_s()
            clock.sleep(_POLL_S)
            continue
        now_s = clock.now_s()
        if flow.requests != before:
            still_since_s, before = now_s, flow.requests
        if now_s - still_since_s >= STILL_S:
            left = f"{flow.under_way} requests or WebSockets are still under way at V11" if flow.under_way else ""
            took_s, waited_s = still_since_s - began_s, now_s - still_since_s
            done = Back(name, ok=True, took_s=took_s, left=flow.under_way, why=left, written=True, waited_s=waited_s)
            if not left or now_s - began_s > within_s:
                return done
            if not told:
                tell(done)
                told = True
        elif now_s - began_s > within_s:
            why = "V11 still gets requests"
            return Back(name, ok=False, took_s=now_s - began_s, left=flow.under_way, why=why, written=True)
        clock.sleep(_POLL_S)
