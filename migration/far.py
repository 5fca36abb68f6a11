"""What a rollback asks of other hosts: to lay ready, check, go back. All hosts at once, and one hinders no other."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

from aurops.calls import CallPool
from aurops.clock import RealClock
from aurops.errors import AuropsError, OutsideError
from aurops.gates.approval import MAX_SKEW_S
from aurops.processes import BOOT_ID, boot_id
from migration import hosts
from migration.rollback import FILE, Back, home, lay, site_of
from traffic.dialects import open_driver
from traffic.envoy import FOLDER as LIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from migration.hosts import Host
    from migration.rollback import Ready, ReadyProxy

_T = TypeVar("_T")
ANSWER_S = 10.0
"""Connecting, starting aurops there, and its answer; beyond what it is asked to wait for."""
EARLY = "aurops-early: "
"""How a line begins by which a host says, before its end, that nothing new reaches V11 there, and it only waits."""
REHEARSED_S = 15.0
"""Below the 20 s that a call of a cutover may take."""


@dataclass(frozen=True)
class Checked:
    """Whether a proxy could be rolled back from here.

    Args:
        proxy: Its name.
        host: Where it is.
        ok: It could.
        why: Why not.
    """

    proxy: str
    host: str
    ok: bool
    why: str = ""


def apart(made: Ready) -> tuple[Ready, dict[Host, tuple[ReadyProxy, ...]]]:
    """What is on this host, and the others with their proxies."""
    mine = tuple(proxy for proxy in made.proxies if hosts.is_here(proxy.host))
    far: dict[Host, tuple[ReadyProxy, ...]] = {}
    for proxy in made.proxies:
        if not hosts.is_here(proxy.host):
            host = made.host(proxy.host)
            far[host] = (*far.get(host, ()), proxy)
    return made.model_copy(update={"proxies": mine}), far


def roll_back(
    far: Mapping[Host, Sequence[ReadyProxy]],
    reason: str,
    who: str,
    *,
    within_s: float,
    more: Sequence[str] = (),
    tell: Callable[[Back], None] = lambda _: None,
) -> list[Back]:
    """Each host rolls its own proxies back; one that does not answer is named.

    How long it took is measured here, over the whole call, less what was waited for there at its end.

    Args:
        far: The hosts with their proxies.
        reason: Why, for people.
        who: Who says so.
        within_s: How long V11's counters may take to stand still.
        more: Other options of the command.
        tell: Told of a proxy once nothing new reaches V11 through it, when what is left there is waited for.
    """
    more = ["--reason", reason, "--asked-by", who, "--within", str(within_s), *more]

    def one(host: Host) -> list[Back]:
        began_s = _now_s()

        def hear(line: str) -> bool:
            if early := _early(line):
                tell(_as_seen_here(early, _now_s() - began_s))
            return early is not None

        said = _asked(host, far[host], more, within_s=within_s + ANSWER_S, hear=hear)
        took_s = _now_s() - began_s
        try:
            if not isinstance(said, str):
                return [_as_seen_here(Back(**each), took_s) for each in said["proxies"]]
        except TypeError as error:
            said = f"another version of aurops answers at {host.name}: {error}"
        return [Back(proxy.name, ok=False, took_s=took_s, why=said) for proxy in far[host]]

    return _everywhere(far, one)


def _as_seen_here(back: Back, call_s: float) -> Back:
    return replace(back, took_s=max(back.took_s, call_s - back.waited_s))


def early_line(back: Back) -> str:
    """What is said of a proxy before the end, for whoever asked from another host."""
    return EARLY + json.dumps(back.data())


def _early(line: str) -> Back | None:
    try:
        return Back(**json.loads(line.removeprefix(EARLY))) if line.startswith(EARLY) else None
    except (ValueError, TypeError):  # cut off, or another version's
        return None


def check_here(made: Ready) -> list[Checked]:
    """Of each proxy of this host whether its file is what it was, it answers, and its folder can be written by us."""
    return [Checked(proxy.name, hosts.here(), ok=not (why := _lacking(proxy)), why=why) for proxy in made.proxies]


def _lacking(proxy: ReadyProxy) -> str:
    try:
        site, changed = site_of(proxy)
        open_driver(site).observe()
    except AuropsError as error:
        return f"{error.what} ({error.where})"
    shut = [str(each) for each in (site.folder, site.folder / LIVE) if not os.access(each, os.W_OK)]
    return changed or (f"this user cannot write in {', '.join(shut)}" if shut else "")


def check(made: Ready, digest: str, *, within_s: float = ANSWER_S) -> list[Checked]:
    """Whether every proxy could be rolled back from here.

    Args:
        made: What lies ready here.
        digest: SHA-256 of its file: every proxy's host must have the very same.
        within_s: A host is given up after so long, and after `ANSWER_S`.
    """
    mine, far = apart(made)

    def one(host: Host) -> list[Checked]:
        said = _asked(host, far[host], ["--check", "--asked-by", hosts.here()], within_s=min(within_s, ANSWER_S))
        if isinstance(said, str):
            return [Checked(proxy.name, host.name, ok=False, why=said) for proxy in far[host]]
        try:
            checked = [Checked(**{**each, "host": host.name}) for each in said["proxies"]]
            why = "" if said["digest"] == digest else f"another {FILE} lies there"
        except (KeyError, TypeError) as error:
            checked, why = [], f"another version of aurops answers there: {error!r}"
        return [Checked(proxy.name, host.name, ok=False, why=why) for proxy in far[host]] if why else checked

    return [*check_here(mine), *_everywhere(far, one)]


def lay_everywhere(
    made: Ready, digest: str, *, operators_too: bool = True, within_s: float = ANSWER_S
) -> dict[str, str]:
    """Write it on every proxy's host and every operator's, and read it back; each file by host with its digest.

    Args:
        made: What is laid.
        digest: SHA-256 of its text.
        operators_too: An operator's host that cannot be reached is an error, too.
        within_s: It is given up after so long, and after `ANSWER_S`.

    Raises:
        OutsideError: A host is not reached, or has read back something else.
        OSError: It cannot be written here.
    """
    mine, far = apart(made)
    written = {f"{hosts.here()}:{file}": said for file, said in lay_here(made, mine).items()}
    others = {made.host(name): () for name in made.operators if not hosts.is_here(name)}

    def one(host: Host) -> list[dict[str, str]]:
        names = [word for proxy in far.get(host, ()) for word in ("--proxy", proxy.name)]
        try:
            said = hosts.ask(host, ["rollback", "--lay", *names], within_s=min(within_s, ANSWER_S), stdin=made.text())
            files: dict[str, str] = {} if said.code else json.loads(said.out)
            why = said.why
        except (AuropsError, ValueError) as error:
            files, why = {}, error.what if isinstance(error, AuropsError) else f"no answer of ours: {error}"
        if files and set(files.values()) == {digest}:
            return [{f"{host.name}:{file}": each for file, each in files.items()}]
        if host in far or operators_too:
            raise OutsideError(f"nothing lies ready at {host.name} as it was sent: {why}", where=host.name)
        return []

    for found in _everywhere({**others, **far}, one):
        written |= found
    return written


def lay_here(made: Ready, mine: Ready) -> dict[str, str]:
    """Into the folder of this user, and beside each of these proxies."""
    return lay(made, (*(proxy.folder for proxy in mine.proxies), home(made.service)))


def check_from_operators(made: Ready, digest: str, *, within_s: float = 2 * ANSWER_S) -> dict[str, int]:
    """Have every operator's host reach every proxy; how many it reached, by host; given up after `within_s`.

    Raises:
        OutsideError: One could not; or its clock and this host's differ by more than `MAX_SKEW_S`: windows and expiries
            go by this one, and what is rolled back from there is told by that one; or two of them are one machine.
    """

    def one(host: Host) -> list[_Operator]:
        if hosts.is_here(host.name):
            return [_Operator(host.name, _reached(host, check(made, digest, within_s=within_s)), _boot_id())]
        began_at = RealClock().wall()
        said = hosts.ask(host, ["rollback", made.service, "--check", "--json"], within_s=min(within_s, 2 * ANSWER_S))
        try:
            found = json.loads(said.out)
        except ValueError as error:
            raise OutsideError(f"{host.name} could not check the rollback: {said.why}", where=host.name) from error
        try:
            laid, boot = found["digest"], str(found["boot_id"])
            ahead_s = _ahead_s(datetime.fromisoformat(found["at"]), began_at, RealClock().wall())
            checked = [Checked(**each) for each in found["proxies"]]
        except (KeyError, TypeError, ValueError) as error:
            what = f"another version of aurops answers at {host.name}: {error!r}"
            raise OutsideError(what, where=host.name) from error
        if laid != digest:
            raise OutsideError(f"another {FILE} lies at {host.name}", where=host.name)
        _refuse_skew(host, ahead_s)
        return [_Operator(host.name, _reached(host, checked), boot)]

    operators = _everywhere({made.host(name): () for name in made.operators}, one)
    _refuse_one_machine(operators)
    return {each.host: each.reached for each in operators}


@dataclass(frozen=True)
class _Operator:
    """An operator's host: how many proxies it reached, and its kernel's boot ID; empty: it cannot be read there."""

    host: str
    reached: int
    boot_id: str


def _refuse_one_machine(operators: Sequence[_Operator]) -> None:
    """What a rollback hangs on is a running kernel: two names of one, also of two of its containers, are one host.

    So the boot ID tells them apart, and not /etc/machine-id, which errs both ways: containers of one machine have
    several, and machines cloned from one image often one (machine-id(5) wants images without it for that reason). Two
    virtual machines of one hypervisor are two kernels: that they fall together nobody sees from inside.

    Raises:
        OutsideError: Two are one machine; or of one nobody knows.
    """
    for each in operators:
        if not each.boot_id:
            raise OutsideError(
                f"whether {each.host} is a machine of its own nobody knows: its boot ID cannot be read",
                where=f"{each.host}: {BOOT_ID}",
                allowed="operators' hosts with Linux, whose users may read it",
            )
    for one, two in combinations(operators, 2):
        if one.boot_id == two.boot_id:
            raise OutsideError(
                f"{one.host} and {two.host} are one machine, boot ID {one.boot_id}: a rollback would hang on it",
                where="operator_hosts",
                allowed="hosts that are each a machine of its own; two containers of one are not",
                next_step="abort, and begin a new run whose plan names another host; of two machines that were "
                "restored from one snapshot of memory restart one, then go on",
            )


def _boot_id() -> str:
    try:
        return boot_id()
    except OSError:
        return ""


def _ahead_s(there: datetime, began_at: datetime, ended_at: datetime) -> float:
    """How far another clock is ahead of this one, at least, whenever between question and answer it was read."""
    return max((there - ended_at).total_seconds(), 0) or min((there - began_at).total_seconds(), 0)


def _refuse_skew(host: Host, ahead_s: float) -> None:
    """Of two clocks that differ neither is known to be right.

    Raises:
        OutsideError: They do.
    """
    if abs(ahead_s) > MAX_SKEW_S:
        raise OutsideError(
            f"the clock of {host.name} is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this host's",
            where=host.name,
            allowed=f"at most {MAX_SKEW_S:g} s",
            next_step="set the wrong one (chronyc tracking, timedatectl), then go on",
        )


def rehearse_from(host: Host, service: str, proxy: str, reason: str) -> None:
    """Have an operator's host roll a proxy back, as a rehearsal: by what lies ready there, and over its own way.

    Raises:
        OutsideError: It did not end well, or nobody knows.
    """
    arguments = ["rollback", service, "--proxy", proxy, "--reason", reason, "--rehearsal", "--within", "5", "--json"]
    said = hosts.ask(host, arguments, within_s=REHEARSED_S)
    try:
        (back,) = json.loads(said.out)["proxies"]
        why = "" if back["ok"] else str(back["why"])
    except (ValueError, KeyError, TypeError):
        why = said.why
    if why:
        raise OutsideError(
            f"the rollback of {proxy} that was rehearsed from {host.name} failed: {why}", where=host.name
        )


def _reached(host: Host, found: Sequence[Checked]) -> int:
    if bad := [each for each in found if not each.ok]:
        why = "; ".join(f"{each.proxy} on {each.host}: {each.why}" for each in bad)
        raise OutsideError(f"from {host.name} not every proxy could be rolled back: {why}", where=host.name)
    return len(found)


def as_json(found: Sequence[Checked], digest: str, past: str = "") -> str:
    """As `aurops rollback --check --json` prints it; `past`: why only `--force` goes back, or empty."""
    ok = all(each.ok for each in found)
    at = RealClock().wall().isoformat(timespec="milliseconds")
    host = {"at": at, "boot_id": _boot_id()}
    proxies = [asdict(each) for each in found]
    return json.dumps({"ok": ok, "past": past, "digest": digest, **host, "proxies": proxies})


def _asked(
    host: Host,
    proxies: Sequence[ReadyProxy],
    more: Sequence[str],
    *,
    within_s: float,
    hear: Callable[[str], bool] = lambda _: False,
) -> dict[str, Any] | str:
    """What `aurops rollback` printed on another host for these proxies, or why nothing can be read."""
    names = [word for proxy in proxies for word in ("--proxy", proxy.name)]
    arguments = ["rollback", "--file", str(proxies[0].folder / FILE), *names, *more, "--json"]
    try:
        said = hosts.ask(host, arguments, within_s=within_s, hear=hear)
    except AuropsError as error:
        return error.what
    except Exception as error:  # noqa: BLE001 (whatever fails at one host hinders no other, and is told)
        return f"{host.name}: {type(error).__name__}: {error}"
    try:
        found: dict[str, Any] = json.loads(said.out)
        known = [each["proxy"] for each in found["proxies"]]
    except (ValueError, KeyError, TypeError):
        return f"{host.name}: {said.why}"
    return found if known == [proxy.name for proxy in proxies] else f"{host.name} answers for other proxies: {known}"


def _everywhere(far: Mapping[Host, object], one: Callable[[Host], list[_T]]) -> list[_T]:
    """Every host at once; the first error of one, when all have ended."""
    if not far:
        return []
    with CallPool(len(far), "hosts") as pool:
        calls = [pool.submit(one, host) for host in far]
    return [each for call in calls for each in call.result()]


def _now_s() -> float:
    return RealClock().now_s()
