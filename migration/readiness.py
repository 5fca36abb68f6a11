"""Whether this machine can carry out a plan, before it begins: found out by day, and all of it at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aurops import documents
from aurops.errors import AuropsError, UsageError
from aurops.gates.refusals import refuse
from migration import hosts
from migration.outline import outline
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aurops.gates.signing import Signers
    from migration.cutover_file import Cutover

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

    A start in the past, gates of one name, gates that can never open, people without a key; what this machine lacks,
    secrets of probes included.
    """
    found: list[AuropsError] = []
    if cutover.start <= now:
        what = f"start is in the past: {cutover.start.isoformat()}"
        found.append(UsageError(what, where=f"{where}: start", allowed="a moment that is still to come"))
    try:
        outline(cutover, releases=True)
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
    for name, site in cutover.sites.items():
        try:
            folder = documents.load(Path(site), Site).folder.absolute().resolve()
            if (other := of_folder.setdefault(folder, name)) != name:
                what = f"{other} and {name} are in one folder, {folder}: they would be one proxy under two names"
                found.append(UsageError(what, where=f"{where}: sites.{name}", allowed="a folder for each proxy"))
    return found + _sites_wrong(cutover, where)


def _sites_wrong(cutover: Cutover, where: str) -> list[AuropsError]:
    """Site files that cannot be read, and two that are of one proxy: each step would move it twice."""
    found: list[AuropsError] = []
    of_folder = dict[Path, str]()
        except AuropsError as error:
            error.where = f"{where}: sites.{name}: {error.where}"
            found.append(error)
    return found


def _hosts_lacking(cutover: Cutover, where: str) -> list[AuropsError]:
    """From where nobody could roll back, and which proxies this runner does not reach."""
    found: list[AuropsError] = []
    if len(cutover.operator_hosts) < OPERATOR_HOSTS:
        what = f"a rollback lies ready on {len(cutover.operator_hosts)} of at least {OPERATOR_HOSTS} operator hosts"
        allowed = "the names of two hosts or more, from each of which people can roll back"
        found.append(UsageError(what, where=f"{where}: operator_hosts", allowed=allowed))
    return found + _out_of_reach(cutover, where)


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
