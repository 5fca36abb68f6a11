"""Whether this machine can carry out a plan, before it begins: found out by day, and all of it at once."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from aurops import documents
from aurops.errors import AuropsError, UsageError
from aurops.gates.refusals import refuse
from aurops.gates.spec import CapacityCheck
from migration import hosts
from migration.model import OLD
from migration.outline import Action, outline, timetable
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aurops.gates.signing import Signers
    from migration.cutover_file import Cutover
    from migration.outline import Part

OPERATOR_HOSTS = 2
"""From one alone a rollback would hang on one machine, and on one person's access."""


def check(cutover: Cutover, signers: Signers, where: str, *, now: datetime, env: Mapping[str, str]) -> None:
    """Refuse a plan that cannot be carried out as it stands.

    Raises:
        AuropsError: All that is in its way, in one error (`problems`).
    """
    found = problems(cutover, signers, where, now=now, env=env)
    if len(found) == 1:
        raise found[0]
    if found:
        listed = "".join(f"\n  - {each.what} ({each.where})" for each in found)
        raise UsageError(f"{len(found)} things keep this plan from being carried out here:{listed}", where=where)


def problems(
    cutover: Cutover, signers: Signers, where: str, *, now: datetime, env: Mapping[str, str]
) -> list[AuropsError]:
    """What keeps a plan from being carried out on this machine, now: one error for each thing.

    A start in the past, steps that last longer than phase 2, two proxies in one folder, gates of one name, gates that
    can never open, people without a key, a V10 whose capacity nobody asks for by itself; what this machine lacks,
    secrets of probes included.
    """
    found: list[AuropsError] = []
    if cutover.start <= now:
        what = f"start is in the past: {cutover.start.isoformat()}"
        found.append(UsageError(what, where=f"{where}: start", allowed="a moment that is still to come"))
    try:
        parts = outline(cutover, releases=True)
        found += _too_long(cutover, parts, where, now) if cutover.start > now else []
    except ValueError as cause:
        allowed = "a name that no other gate of a part has"
        found.append(UsageError(str(cause), where=f"{where}: gates", allowed=allowed))
    for key, gates in cutover.all_gates().items():
        at = max(now, cutover.start) if key != "gates.prepare" else now
        for gate in gates:
            try:
                refuse((gate,), f"{where}: {key}", signers=signers, now=at, env=env)
            except AuropsError as error:
                found.append(error)
    found += _hosts_lacking(cutover, where)
    for region in cutover.regions:
        try:
            region.probe.check(env, f"{where}: regions: {region.name}: probe")
        except AuropsError as error:
            found.append(error)
    return [*found, *_sites_wrong(cutover, where), *_unproven(cutover, where)]


def _sites_wrong(cutover: Cutover, where: str) -> list[AuropsError]:
    """Site files that cannot be read, and two that are of one proxy: each step would move it twice."""
    found: list[AuropsError] = []
    of_folder = dict[Path, str]()
    for name, site in cutover.sites.items():
        try:
            folder = documents.load(Path(site), Site).folder.absolute().resolve()
            if (other := of_folder.setdefault(folder, name)) != name:
                what = f"{other} and {name} are in one folder, {folder}: they would be one proxy under two names"
                found.append(UsageError(what, where=f"{where}: sites.{name}", allowed="a folder for each proxy"))
        except AuropsError as error:
            error.where = f"{where}: sites.{name}: {error.where}"
            found.append(error)
    return found


def _unproven(cutover: Cutover, where: str) -> list[AuropsError]:
    """Fewer checks of what a V10 takes than there are V10s: a sum over several is enough while a small one drowns.

    Regions that have a backend of V10 in common have one V10. Two checks that ask the same are one.
    """
    apart = list[tuple[list[str], set[str]]]()
    for region in cutover.regions:
        names, backends = [region.name], set[str]()
        try:
            for site in (documents.load(Path(cutover.sites[proxy]), Site) for proxy in region.proxies):
                backends.update(*(side.backends for side in site.sides if side.name == OLD))
        except AuropsError:  # said of the site file
            return []
        for other in [each for each in apart if each[1] & backends]:
            apart.remove(other)
            names, backends = [*other[0], *names], other[1] | backends
        apart.append((names, backends))
    asked = {(each.can_take, each.peak) for each in cutover.capacity if isinstance(each, CapacityCheck)}
    if len(asked) >= len(apart):
        return []
    listed = "; ".join(f"{', '.join(names)}: {', '.join(sorted(backends))}" for names, backends in apart)
    what = (
        f"the regions have {len(apart)} V10s by their site files ({listed}), and `capacity` asks {len(asked)} time"
        f"{'s' * (len(asked) != 1)} whether what one takes is enough: a sum can be, while the smallest of them drowns"
    )
    allowed = "for each V10 a check of the kind capacity, with what it takes and the peak of its own regions"
    step = "docs/runbooks/cutover.yaml has two to copy; if it is one V10, give it one name in all site files"
    return [UsageError(what, where=f"{where}: capacity", allowed=allowed, next_step=step)]


def _too_long(cutover: Cutover, parts: tuple[Part, ...], where: str, now: datetime) -> list[AuropsError]:
    """Steps that are not through by the end of phase 2, however quick everybody is; outside a window they wait."""
    last = [row for row in timetable(parts, now) if row.part.action is Action.DRAIN][-1]
    if last.not_before is None:  # a window that never opens is said of its gate
        return []
    over = last.not_before + timedelta(seconds=last.part.lasts_s)
    by = cutover.start + timedelta(seconds=cutover.times.traffic_s)
    if over <= by:
        return []
    zone = cutover.start.tzinfo
    what = (
        f"the last drain is over at {over.astimezone(zone):%Y-%m-%d %H:%M:%S %z} at the earliest, and phase 2 ends at "
        f"{by:%Y-%m-%d %H:%M:%S %z}"
    )
    allowed = "soaks and drains that fit into times.traffic_s and into the window; --dry-run prints the timetable"
    step = "fewer steps, a shorter soak.for_s, a longer times.traffic_s, or a start inside of the window"
    return [UsageError(what, where=f"{where}: times.traffic_s", allowed=allowed, next_step=step)]


def _hosts_lacking(cutover: Cutover, where: str) -> list[AuropsError]:
    """From where nobody could roll back, and which proxies this runner does not reach."""
    found: list[AuropsError] = []
    if len(cutover.operator_hosts) < OPERATOR_HOSTS:
        what = f"a rollback lies ready on {len(cutover.operator_hosts)} of at least {OPERATOR_HOSTS} operator hosts"
        allowed = "the names of two hosts or more, from each of which people can roll back"
        found.append(UsageError(what, where=f"{where}: operator_hosts", allowed=allowed))
    for short, name in _same(cutover.operator_hosts):
        what = f"{short} and {name} are one host under two names: a rollback would hang on one machine"
        found.append(UsageError(what, where=f"{where}: operator_hosts", allowed="each host by one name, once"))
    return found + _out_of_reach(cutover, where)


def _same(names: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of names that are one host's, one the other's short form, however they are spelled (RFC 4343)."""
    plain = {name: name.casefold().rstrip(".") for name in names}
    pairs = combinations(sorted(names, key=len), 2)
    return [(one, two) for one, two in pairs if plain[one] in (plain[two], plain[two].partition(".")[0])]


def _out_of_reach(cutover: Cutover, where: str) -> list[AuropsError]:
    """The proxies that this runner cannot take forward: it steers those of its own host, which may be another one."""
    far = {name: host for name, host in cutover.proxy_hosts.items() if not hosts.is_here(host)}
    on = dict[str, list[str]]()
    for name in cutover.sites:
        on.setdefault(far.get(name, ""), []).append(name)
    if len(on) > 1:
        listed = "; ".join(
            f"{', '.join(names)} on {host or f'{hosts.here()} (this one)'}" for host, names in on.items()
        )
        what = f"one run cannot take proxies of {len(on)} hosts forward, from whichever of them it is begun: {listed}"
        step = "a plan for each host, with a `service` of its own: docs/runbooks/cutover.md, Proxies on several hosts"
        allowed = "proxies of one host, the runner's; one that `proxy_hosts` does not name is on the runner's"
        return [UsageError(what, where=f"{where}: proxy_hosts", allowed=allowed, next_step=step)]
    return [
        UsageError(
            f"{name} is on {host}, and this is {hosts.here()}: the steps forward are made on the proxy's own host",
            where=f"{where}: proxy_hosts.{name}",
            next_step=f"begin the cutover on {host}; a rollback reaches it from every operator host",
        )
        for name, host in far.items()
    ]
