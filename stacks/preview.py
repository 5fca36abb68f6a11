"""What a change would do to several stacks, previewed side by side."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.clock import RealClock
from aurops.errors import AuropsError
from stacks.abreast import abreast_or_raise
from stacks.changes import Changes
from stacks.cloud_process import CloudProcess
from stacks.engine import EngineStack, Operation
from stacks.engine_errors import StackMissingError
from stacks.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stacks.changes import Change
    from stacks.engine import Served
    from stacks.fleet import Fleet

    Listen = Callable[[str, Changes], None]

INVENTORY = "inventory"


@dataclass(frozen=True)
class StackPreview:
    """What an `up` of one stack would do.

    Args:
        stack: Its name.
        changes: The changes; up to where it failed, if it did.
        seconds: How long the preview took.
        is_new: Whether the backend has no such stack yet.
        error: Why it failed; None when it did not.
        upstream: By stack that this one reads: the paths of its inventory that its own preview would change, so that
            this preview, which knows the values of the last `up`, may be wrong about them.
    """

    stack: str
    changes: Changes
    seconds: float
    is_new: bool = False
    error: AuropsError | None = None
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def losses(self) -> tuple[Change, ...]:
        """Replacements and deletions of what holds data."""
        return tuple(change for change in self.changes.changes if change.loses_data)


def preview(
    site: Site,
    fleet: Fleet,
    stacks: Sequence[str],
    *,
    listen: Listen = lambda *_: None,
    served: Mapping[str, Served] | None = None,
    refresh: bool = False,
) -> tuple[StackPreview, ...]:
    """Preview stacks side by side.

    Those of a cloud are threads, which share the import of its SDK; several clouds have a process each.

    Args:
        site: Where the engine works.
        fleet: The fleet.
        stacks: Which of its stacks; at least one.
        listen: Told a stack's changes so far after each event, from other threads.
        served: By stack: who serves its program already.
        refresh: Look at the cloud first, so that what drifted shows as taken back.

    Returns:
        One for each stack in the given order, also for those that failed.
    """
    by_cloud: dict[str, list[str]] = {}
    for stack in stacks:
        by_cloud.setdefault(fleet.stacks[stack].cloud, []).append(stack)
    if served and served.keys() >= set(stacks):  # no SDK is imported here
        return with_upstream(fleet, preview_here(site, stacks, listen, served, refresh=refresh))
    if len(by_cloud) == 1:
        return with_upstream(fleet, preview_here(site, stacks, listen, refresh=refresh))
    done = {each.stack: each for each in _preview_apart(site, list(by_cloud.values()), listen, refresh=refresh)}
    return with_upstream(fleet, tuple(done[stack] for stack in stacks))


def preview_here(
    site: Site,
    stacks: Sequence[str],
    listen: Listen,
    served: Mapping[str, Served] | None = None,
    *,
    refresh: bool = False,
) -> tuple[StackPreview, ...]:
    """The same as threads of this process, each stack by itself."""
    by = served or {}
    operation = Operation.LOOK if refresh else Operation.PREVIEW
    return tuple(abreast_or_raise(stacks, lambda stack: _one(site, stack, operation, listen, by.get(stack))).values())


def _preview_apart(site: Site, groups: Sequence[Sequence[str]], listen: Listen, *, refresh: bool) -> list[StackPreview]:
    children = [CloudProcess(site, group, refresh=refresh) for group in groups]
    try:
        with ThreadPoolExecutor(len(children)) as pool:
            futures = [pool.submit(child.previews, listen) for child in children]
            try:
                return [each for future in futures for each in future.result()]
            except BaseException:  # whatever ends the command: a signal, or a bug in one of the children
                for child in children:
                    child.interrupt()
                raise
    finally:
        for child in children:
            child.close()


def with_upstream(fleet: Fleet, previews: Sequence[StackPreview]) -> tuple[StackPreview, ...]:
    """The same, each with what would change before it."""
    exports = exported(previews)
    return tuple(
        StackPreview(
            each.stack,
            each.changes,
            each.seconds,
            each.is_new,
            each.error,
            {name: paths for name in fleet.upstream(each.stack) if (paths := exports.get(name))},
        )
        for each in previews
    )


def exported(previews: Sequence[StackPreview]) -> dict[str, tuple[str, ...]]:
    """The paths of each stack's inventory that would change."""
    return {each.stack: _inventory_paths(each.changes) for each in previews}


def _inventory_paths(changes: Changes) -> tuple[str, ...]:
    return tuple(path.removeprefix(f"{INVENTORY}.") for path in changes.exported)


def _one(site: Site, stack: str, operation: Operation, listen: Listen, served: Served | None) -> StackPreview:
    """Preview one stack; a failure is part of the answer, so that it hides no other stack's."""
    clock, seen, is_new = RealClock(), Changes(), False
    began_s = clock.now_s()

    def hear(changes: Changes) -> None:
        nonlocal seen
        seen = changes
        listen(stack, changes)

    error: AuropsError | None = None
    try:
        try:
            EngineStack(site, stack, make=False, served=served).run(operation, listen=hear)
        except StackMissingError:
            is_new = True
            with _borrowed(site, stack, served) as borrowed:
                borrowed.run(operation, listen=hear)
    except AuropsError as failure:
        error = failure
    return StackPreview(stack, seen, clock.now_s() - began_s, is_new, error)


@contextmanager
def _borrowed(site: Site, stack: str, served: Served | None) -> Iterator[EngineStack]:
    """A stack that the backend lacks, there for as long as its preview takes.

    The engine previews only stacks that exist, and `pulumi stack init` writes `encryptionsalt` into the stack's file:
    so it is made from a copy of the files, and removed again, which the engine refuses if somebody brought it up
    meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="aurops-preview-") as name:
        copy = Site(Path(name), site.env, is_lab=site.is_lab)
        copy.stacks_dir.mkdir()
        for file in (site.work_dir / "Pulumi.yaml", *site.stacks_dir.glob("Pulumi.*.yaml")):
            shutil.copyfile(file, copy.work_dir / file.relative_to(site.work_dir))
        try:
            yield EngineStack(copy, stack, served=served)
        finally:
            with suppress(StackMissingError):
                EngineStack(copy, stack, make=False).command("stack", "rm", "--yes", "--preserve-config")
