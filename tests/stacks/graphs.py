"""The graphs of the repository's own stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.config import load
from stacks.program import run as run_stack
from tests.components.graph import Graph, run

if TYPE_CHECKING:
    from collections.abc import Mapping

FLEET = load(Path(__file__).parents[2] / "stacks")


def made(stack: str, upstream: Mapping[str, Mapping[str, Any]] | None = None, *, preview: bool = False) -> Graph:
    """The graph of a stack."""
    return run(lambda: run_stack(FLEET, stack), stack=stack, upstream=upstream, preview=preview)
