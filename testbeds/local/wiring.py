"""Links between the places of a bed: TCP ports that stand for others, so that a network can be cut as any user.

A bed without links has none of this: a proxy in the path turns "connection refused" into "no answer", so only faults
of the network bring one up with links. Then all traffic into and between regions takes a link, and so do a vantage
point's probes and reports. One process (testbeds/local/links.py) serves all of them, outside the regions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aurops.errors import OutsideError
from testbeds.local.layout import BLOCK_SIZE, VANTAGES, Layout, Link, Wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OUTSIDE, EDGE = "outside", "edge"
"""Where the orchestrator is; where Envoy is, for those who probe."""
BLOCKS = 2
"""So many blocks of ports hold all links; the first port of each is the supervisor's claim."""


def wire(place: Layout, first_ports: Sequence[int]) -> Layout:
    """The same bed with links.

    Args:
        place: The bed without.
        first_ports: First ports of `BLOCKS` claimed blocks.
    """
    ports = iter([port for first in first_ports for port in range(first + 1, first + BLOCK_SIZE)])
    links = []
    for region in place.regions:
        inward = [region.agent_port, *region.node_ports]
        links += [Link(source=OUTSIDE, to=region.name, port=next(ports), to_port=port) for port in inward]
        for other in place.others(region.name):
            between = (region.postgres_port, region.valkey_port)
            links += [Link(source=other, to=region.name, port=next(ports), to_port=port) for port in between]
    reports = {name: next(ports) for name in VANTAGES}
    links += [Link(source=name, to=EDGE, port=next(ports), to_port=place.proxy_port) for name in VANTAGES]
    links += [Link(source=OUTSIDE, to=name, port=next(ports), to_port=port) for name, port in reports.items()]
    return replace(place, wiring=Wiring(control_port=next(ports), links=tuple(links), report_ports=reports))


def seen_from(place: Layout, viewer: str) -> Layout:
    """The bed as one of its places sees it: with the ports of the links that it takes; unchanged without links.

    Args:
        place: The bed.
        viewer: A region, or `OUTSIDE`.
    """
    if place.wiring is None:
        return place
    taken = {link.to_port: link.port for link in place.wiring.links if link.source == viewer}
    regions = (
        replace(
            region,
            agent_port=taken.get(region.agent_port, region.agent_port),
            postgres_port=taken.get(region.postgres_port, region.postgres_port),
            valkey_port=taken.get(region.valkey_port, region.valkey_port),
            node_ports=tuple(taken.get(port, port) for port in region.node_ports),
        )
        for region in place.regions
    )
    return replace(place, regions=tuple(regions))


def at_the_border(place: Layout, region: str) -> Iterator[Link]:
    """Every link into or out of a region."""
    if place.wiring is not None:
        yield from (link for link in place.wiring.links if region in (link.source, link.to))


def between(place: Layout, source: str, to: str) -> Link:
    """The first link from one place to another.

    Raises:
        OutsideError: There is none: the bed was brought up without links.
    """
    if place.wiring is not None:
        for link in place.wiring.links:
            if (link.source, link.to) == (source, to):
                return link
    raise OutsideError(f"there is no link from {source} to {to}", where=place.folder)
