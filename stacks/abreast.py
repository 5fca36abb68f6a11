"""The same work on several stacks side by side; one that fails takes nothing from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aurops.calls import CallPool
from aurops.errors import AuropsError
from stacks.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")


def abreast(stacks: Sequence[str], work: Callable[[str], T]) -> tuple[dict[str, T], dict[str, AuropsError]]:
    """Do the work for each stack in a thread of its own.

    Returns:
        Results and errors by stack, in the order given. An error that is none of ours is raised.
    """
    results: dict[str, T] = {}
    errors: dict[str, AuropsError] = {}
    with CallPool(max(1, len(stacks)), "stack") as pool:
        try:
            futures = {stack: pool.submit(work, stack) for stack in stacks}
            for stack, future in futures.items():
                try:
                    results[stack] = future.result()
                except AuropsError as error:
                    errors[stack] = error
        except BaseException:  # whatever ends the command: a signal, or a bug in one of the threads
            cli().interrupt()
            raise
    return results, errors


def abreast_or_raise(stacks: Sequence[str], work: Callable[[str], T]) -> dict[str, T]:
    """The same for who can use all results or none.

    Raises:
        AuropsError: One stack failed, or several.
    """
    results, errors = abreast(stacks, work)
    raise_first(errors)
    return results


def raise_first(errors: Mapping[str, AuropsError]) -> None:
    """Raise the one that decides the exit code, that of the first stack; the others are named in it.

    Raises:
        AuropsError: There is one.
    """
    if not errors:
        return
    stack, error = next(iter(errors.items()))
    others = [name for name in errors if name != stack]
    if others:
        error.what = f"{error.what} (and {len(others)} more: {', '.join(others)})"
    raise error
