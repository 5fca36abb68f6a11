"""Brings stacks of another version up with its own programs, each as soon as what it reads is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.calls import CallPool
from aurops.errors import AuropsError, OutsideError
from stacks.cli import cli
from stacks.engine import EngineStack, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from stacks.revision.process import Programs
    from stacks.site import Site


def bring_up(
    site: Site, programs: Programs, before: Mapping[str, Sequence[str]], tell: Callable[[str], None]
) -> dict[str, AuropsError]:
    """Bring stacks up side by side.

    Args:
        site: Where the engine works: with the files of that version.
        programs: Its programs.
        before: The stacks, in an order in which they can be made, and which of them each waits for.
        tell: Told what begins.

    Returns:
        Those that failed, and why.
    """

    def up(stack: str) -> None:
        for name in before[stack]:
            if name in futures and futures[name].exception() is not None:
                raise OutsideError(f"it needs {name}, which did not come up", where=f"stack {stack}")
        tell(f"bringing {stack} up")
        EngineStack(site, stack, served=programs.of(stack).served()).run(Operation.UP)

    futures: dict[str, Future[None]] = {}
    return _each(up, list(before), futures)


def settle(
    site: Site, programs: Programs, stacks: Sequence[str], tell: Callable[[str], None]
) -> dict[str, AuropsError]:
    """Make what could not be made in one pass, side by side.

    Returns:
        Those that failed, and why.
    """

    def work(stack: str) -> None:
        tell(f"settling {stack}")
        EngineStack(site, stack, served=programs.of(stack).served()).run(Operation.SETTLE)

    return _each(work, stacks, {})


def _each(
    work: Callable[[str], None], stacks: Sequence[str], futures: dict[str, Future[None]]
) -> dict[str, AuropsError]:
    errors: dict[str, AuropsError] = {}
    with CallPool(max(1, len(stacks)), "baseline") as pool:
        try:
            # Each has a thread, and waits for futures that are there already: nobody waits for ever.
            for stack in stacks:
                futures[stack] = pool.submit(work, stack)
            for stack, future in futures.items():
                try:
                    future.result()
                except AuropsError as error:
                    errors[stack] = error
        except BaseException:  # a signal, or a bug in one of the threads
            cli().interrupt()
            raise
    return errors
