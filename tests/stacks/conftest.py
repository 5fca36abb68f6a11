"""What several files look at: every stack of the repository, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks.fleet import Kind, waves
from tests.stacks.graphs import FLEET, made

if TYPE_CHECKING:
    from tests.components.graph import Graph


@pytest.fixture(scope="session")
def graphs() -> dict[str, Graph]:
    """Every stack, made in waves, each reading what the ones before exported."""
    done: dict[str, Graph] = {}
    for wave in waves(FLEET, Kind.CREATE):
        for stack in wave:
            done[stack] = made(stack, {name: graph.exports for name, graph in done.items()})
    return done
