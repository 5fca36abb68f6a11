"""Which processes a fault hits: each scope finds the ones that live now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aurops.processes import Process
from testbeds.local import processes

if TYPE_CHECKING:
    from testbeds.local.layout import Layout

Scope = Callable[[], frozenset[Process]]


def regions(place: Layout, *names: str) -> Scope:
    """Every process of these regions."""
    return lambda: frozenset().union(*(processes.find(place.bed, name) for name in names))


def database(place: Layout, region: str) -> Scope:
    """PostgreSQL's server and its children: they all work in the data folder."""
    return lambda: processes.working_in(place.region(region).data)


def nodes(place: Layout, region: str) -> Scope:
    """The region's nodes."""
    return lambda: _running(place, region, "testbeds.local.node")


def agent(place: Layout, region: str) -> Scope:
    """The region's agent."""
    return lambda: _running(place, region, "testbeds.local.agent")


def cache(place: Layout, region: str) -> Scope:
    """The region's Valkey."""
    return lambda: _running(place, region, place.components.valkey, str(place.region(region).valkey_port))


def vantage(place: Layout, name: str) -> Scope:
    """One vantage point."""
    return lambda: _running(place, None, "testbeds.local.vantage", f"--name={name}")


def _running(place: Layout, region: str | None, *words: str) -> frozenset[Process]:
    found = processes.find(place.bed, region)
    return frozenset(process for process in found if set(words) <= processes.arguments(process))
