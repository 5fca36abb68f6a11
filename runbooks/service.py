"""The service that a command acts on: a test bed that is up, and the options that its commands share."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from failover.targets.local import LocalEndpoints, LocalTarget
from testbeds.local import bed as beds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.local.state import BedState

Bed = Annotated[str | None, typer.Option(help="Which bed; not needed when only one is up.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, call nothing that changes anything.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def open_service(bed: str | None) -> Iterator[tuple[BedState, LocalTarget]]:
    """The bed and its target; a bed in use does not end for idleness.

    Raises:
        UsageError: There is no such bed, or several are up and none is named.
    """
    found = beds.find(bed)
    beds.touch(found)
    target = LocalTarget(LocalEndpoints(found.agents, found.edge_url), RealClock())
    try:
        yield found, target
    finally:
        target.close()
