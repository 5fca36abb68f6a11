"""Whether whoever is to get more may get it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.errors import HeldError

if TYPE_CHECKING:
    from traffic.driver import Active, Steering
    from traffic.site import Site


def is_forward(site: Site, now: Active, wanted: Steering) -> bool:
    """Whether a side that has a fallback is to get more."""
    return any(side.instead and wanted.weight(side.name) > now.steering.weight(side.name) for side in site.sides)


def is_back(site: Site, now: Active, wanted: Steering) -> bool:
    """Whether sides that have a fallback only get less."""
    less = any(side.instead and wanted.weight(side.name) < now.steering.weight(side.name) for side in site.sides)
    return less and not is_forward(site, now, wanted)


def concerned(site: Site, now: Active, wanted: Steering) -> tuple[str, ...]:
    """The sides that must be well for it: those that are to get more, and the way back from where others are."""
    more = [name for name in site.names if wanted.weight(name) > now.steering.weight(name)]
    return (*more, site.way_back) if site.way_back and is_forward(site, now, wanted) else tuple(more)


def check(site: Site, now: Active, wanted: Steering, *, unwatched: str) -> None:
    """Refuse a step that nobody should make.

    Args:
        site: The proxy.
        now: What is in effect; of the sides `concerned` how many backends are well, if anybody can say.
        wanted: What is to be.
        unwatched: Why nobody makes a fallback last; empty: somebody does.

    Raises:
        HeldError: A side fell back unnoticed, one that is to get more or the way back is not well, or nobody watches.
    """
    for side, why in now.fallen().items():
        raise HeldError(
            f"{side} fell back to {site.way_back}, and nobody has rolled back: {why}.",
            where=site.admin,
            next_step="Roll back, find out why, then release the latch with a new plan.",
        )
    for name in concerned(site, now, wanted):
        if now.flows[name].healthy == 0:
            is_more = wanted.weight(name) > now.steering.weight(name)
            role = "is to get more" if is_more else "is the way back, and cold or dead"
            raise HeldError(
                f"{name} {role}: none of its backends answers health checks.",
                where=f"{site.admin}: {', '.join(site.side(name).backends)}",
                next_step="Bring its backends up.",
            )
    if unwatched and is_forward(site, now, wanted):
        raise HeldError(
            f"Nobody watches this proxy as it must be: {unwatched}.",
            where=str(site.folder),
            next_step="On the proxy's host start `python -m traffic.watcher --site FILE`.",
        )
