"""`aurops recover`: finish what a killed engine left on a stack, with a person's answers where nobody else has one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import UsageError
from aurops.journal import new_run_id
from aurops.lease import Lease
from aurops.store import default_store_url, open_store
from runbooks import deployments
from runbooks.finders import finder_of
from runbooks.sites import AsJson, Lab, open_site
from stacks import config as files
from stacks import recovery
from stacks.deploy import CALL_S
from stacks.engine import EngineStack
from stacks.lookup.finder import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

app = typer.Typer(name="recover", add_completion=False, rich_markup_mode=None)

Found = Annotated[list[str] | None, typer.Option("--found", metavar="URN=ID", help="This object exists: adopt it.")]
Never = Annotated[list[str] | None, typer.Option("--never-made", metavar="URN", help="This object does not exist.")]


@app.command()
def recover(
    stack: Annotated[str, typer.Argument(help="Which stack.")],
    *,
    found: Found = None,
    never_made: Never = None,
    lab: Lab = False,
    as_json: AsJson = False,
) -> None:
    """Finish what a killed `up` left on a stack; `up` does it by itself, unless it cannot find an object again."""
    answers = dict(_pair(each) for each in found or ())
    with open_site(lab=lab) as opened:
        known = files.load(opened.site.stacks_dir).stacks
        if stack not in known:
            raise UsageError(f"there is no stack {stack}", where="STACK", allowed=", ".join(sorted(known)))
        finder = Told(finder_of(opened), answers, frozenset(never_made or ()))
        done: list[str] = []
        with alone_with(known[stack].fleet, is_lab=lab) as check:
            recovery.recover(EngineStack(opened.site, stack), finder, tell=done.append, check=check)
    if as_json:
        typer.echo(json.dumps({"stack": stack, "mended": done}))
        return
    for line in done or ["nothing was left"]:
        typer.echo(line)


@contextmanager
def alone_with(fleet: str, *, is_lab: bool) -> Iterator[Callable[[], None]]:
    """Hold the fleet's lease, as `up` does: the state that is edited here is the one that `up` works on.

    Yields what to ask before each step; it raises `LeaseLostError` when the lease does not outlive the step.

    The lease names the deployment that was interrupted, for it is that one's work which is finished here.

    Raises:
        HeldByAnotherError: Somebody deploys this fleet; it says who.
        LeaseLostError: Somebody took it over meanwhile, or it could not be renewed.
    """
    store, clock = open_store(default_store_url()), RealClock()
    lease = Lease(store, deployments.service(fleet, is_lab=is_lab), clock, deployments.LEASE_TTL_S)
    lease.take(deployments.latest(store, fleet, is_lab=is_lab) or new_run_id("recover", clock))
    try:
        with lease.keep():
            yield partial(lease.check, CALL_S)
            lease.check(0)  # or somebody else may have worked on the same state
    finally:
        lease.release()


def _pair(given: str) -> tuple[str, str]:
    urn, equals, id_ = given.partition("=")
    if not (urn.startswith("urn:pulumi:") and equals and id_):
        raise UsageError(f"{given!r} is no answer", where="--found", allowed="URN=ID")
    return urn, id_
